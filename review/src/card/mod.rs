//! The review card of a change: a summary for reviewers of what the change does.
//!
//! A card holds what differs ([`crate::diff`]), the findings of `check` that are new, the approvals that `deploy` will ask
//! for, and what the caller adds about cost. The views are [`markdown`], [`json`] and [`crate::report::html`].

mod approvals;
mod capacity;
mod cost;
mod findings;
mod json;
mod markdown;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use stackwright_estimate::cost::{MoneyRange, Price};
use stackwright_synth::Assembly;

use crate::check;
use crate::diagnostic::{Diagnostic, Severity};
use crate::diff::{self, Diff};
use crate::graph::{self, Graph};

pub use self::markdown::markdown;
pub use crate::markdown::{GITHUB_LIMIT, GITLAB_LIMIT};
pub use approvals::{ApprovedChange, ExpectedApproval};
pub use capacity::{MemoryChange, QuotaChange};
pub(crate) use cost::{summary_of, with_marks};
pub use json::json;

/// The options for the content of a card.
///
/// ```
/// use stackwright_review::card::Options;
///
/// let options = Options::new("main").estimate(stackwright_estimate::cost::Options::default());
/// assert_eq!(options.base, "main");
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use]
pub struct Options {
    /// The name of the base: a branch, a commit or a path.
    pub base: String,
    /// The options of the check.
    pub check: check::Options,
    /// The options of the cost estimate; `None` to estimate no cost.
    pub estimate: Option<stackwright_estimate::cost::Options>,
    /// Additional changes of cost, in the order in which they are shown.
    pub cost: Vec<CostChange>,
}

impl Options {
    /// Creates the options with the name of the base: a branch, a commit or a path.
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into(), ..Self::default() }
    }

    /// Sets the options of the check.
    pub fn check(mut self, options: check::Options) -> Self {
        self.check = options;
        self
    }

    /// Sets the options of the cost estimate. Without this call, no cost is estimated.
    pub fn estimate(mut self, options: stackwright_estimate::cost::Options) -> Self {
        self.estimate = Some(options);
        self
    }

    /// Adds changes of cost.
    pub fn cost(mut self, changes: impl IntoIterator<Item = CostChange>) -> Self {
        self.cost.extend(changes);
        self
    }
}

/// An amount before and after a change, with its source.
///
/// ```
/// use stackwright_review::card::CostChange;
///
/// let change = CostChange::of("Serving").before("1,000 USD a month").after("1,200 USD a month");
/// assert_eq!(change.note, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct CostChange {
    /// The item that is charged, such as the ID of a stack.
    pub what: String,
    /// The amount before the change; `None` if the item did not exist.
    pub before: Option<String>,
    /// The amount after the change; `None` if the item is removed.
    pub after: Option<String>,
    /// The basis of the amounts: the source and the date of prices, and amounts that are not included; `None` if there is no
    /// note.
    pub note: Option<String>,
    /// The minimum and the maximum amounts before and after the change, for a chart; `None` if there is no chart.
    pub ranges: Option<CostRanges>,
}

impl CostChange {
    /// Creates a change of the cost of an item, such as the ID of a stack, without amounts.
    pub fn of(item: impl Into<String>) -> Self {
        Self { what: item.into(), ..Self::default() }
    }

    /// Sets the amount before the change.
    pub fn before(mut self, amount: impl Into<String>) -> Self {
        self.before = Some(amount.into());
        self
    }

    /// Sets the amount after the change.
    pub fn after(mut self, amount: impl Into<String>) -> Self {
        self.after = Some(amount.into());
        self
    }

    /// Sets the basis of the amounts.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }

    /// Sets the amounts for the chart.
    pub fn ranges(mut self, ranges: CostRanges) -> Self {
        self.ranges = Some(ranges);
        self
    }
}

/// A diagram of a stack.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StackGraph {
    /// The ID of the stack.
    pub stack: String,
    /// The diagram.
    pub graph: Graph,
}

/// The minimum and the maximum of an amount before and after a change.
///
/// ```
/// use stackwright_estimate::cost::MoneyRange;
/// use stackwright_review::card::{CostChange, CostRanges};
///
/// let ranges = CostRanges::new(MoneyRange::default(), MoneyRange::default());
/// assert_eq!(CostChange::of("Serving").ranges(ranges).ranges, Some(ranges));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CostRanges {
    /// The amounts before the change.
    pub before: MoneyRange,
    /// The amounts after the change.
    pub after: MoneyRange,
}

impl CostRanges {
    /// Creates the ranges of an amount before and after a change.
    pub fn new(before: MoneyRange, after: MoneyRange) -> Self {
        Self { before, after }
    }
}

/// The verdict about a change: whether it can be merged without further steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The two versions are equal.
    Nothing,
    /// The change needs no approval.
    Safe,
    /// `deploy` will ask for approvals.
    NeedsApproval,
    /// CloudFormation or `check` would reject the change.
    Refused,
}

impl Verdict {
    /// Returns the name for programs: `nothing`, `safe`, `needs-approval` or `refused`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Safe => "safe",
            Self::NeedsApproval => "needs-approval",
            Self::Refused => "refused",
        }
    }
}

/// A review card: the facts about a change for a reviewer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Card {
    /// The name of the version with which the card compares: a branch, a commit or a path.
    pub base: String,
    /// The verdict about the change.
    pub verdict: Verdict,
    /// The differences between the two versions.
    pub diff: Diff,
    /// The findings that the base does not have.
    pub new_findings: Vec<Diagnostic>,
    /// The number of findings that the base has too.
    pub known_findings: usize,
    /// The number of findings of the base that no longer exist.
    pub fixed_findings: usize,
    /// The approvals that `deploy` will ask for.
    pub approvals: Vec<ExpectedApproval>,
    /// The changes of cost.
    pub cost: Vec<CostChange>,
    /// The prices that the costs are computed from, each with its region, date and source.
    pub prices: Vec<Price>,
    /// The service quotas of which all stacks together need another amount.
    pub quotas: Vec<QuotaChange>,
    /// The GPU memory of resources whose instance types change, and of jobs and models that state what they need.
    pub memory: Vec<MemoryChange>,
    /// The cost after the change; `None` if no cost is estimated.
    pub estimate: Option<stackwright_estimate::cost::Estimate>,
    /// The diagrams of stacks whose resources or references change.
    pub graphs: Vec<StackGraph>,
}

/// Returns the old version for a comparison of amounts by stack: two single templates are versions of one stack, whatever they
/// are called.
fn under_one_name<'a>(old: &'a Assembly, new: &Assembly) -> Cow<'a, Assembly> {
    match (old.stacks.as_slice(), new.stacks.as_slice()) {
        ([one], [other]) if one.id != other.id => {
            let mut stack = one.clone();
            stack.id.clone_from(&other.id);
            stack.name.clone_from(&other.name);
            Cow::Owned(Assembly::new(vec![stack]))
        }
        _ => Cow::Borrowed(old),
    }
}

/// Creates the review card of the change from the assembly `old` to the assembly `new`.
///
/// ```
/// use stackwright_review::card::{self, Options, Verdict};
/// use stackwright_synth::Assembly;
///
/// let old = Assembly::of_template("s.yaml", "Resources: {B: {Type: AWS::S3::Bucket}, T: {Type: AWS::SNS::Topic}}".into())?;
/// let new = Assembly::of_template("s.yaml", "Resources: {T: {Type: AWS::SNS::Topic}}".into())?;
/// let card = card::card(&old, &new, Options::new("main"));
/// assert_eq!(card.verdict, Verdict::NeedsApproval);
/// assert_eq!(card.approvals[0].words(), "--approve deletion=B");
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
pub fn card(old: &Assembly, new: &Assembly, options: Options) -> Card {
    let diff = diff::compare(old, new);
    let (mut costs, mut prices) = (Vec::new(), Vec::new());
    let (mut quotas, mut memory, mut estimate) = (Vec::new(), Vec::new(), None);
    if let Some(options) = &options.estimate {
        let old = &*under_one_name(old, new);
        let of = |assembly: &Assembly| stackwright_estimate::cost::of_assembly(assembly, options);
        let (before, after) = (of(old), of(new));
        costs = cost::changes(&before, &after);
        if !costs.is_empty() {
            prices = cost::prices(&before, &after);
        }
        let needs = |assembly: &Assembly, cost: &stackwright_estimate::cost::Estimate| {
            stackwright_estimate::quotas::of_estimate(assembly, cost, options)
        };
        quotas = capacity::quotas(needs(old, &before), needs(new, &after));
        let stated = |assembly: &Assembly| stackwright_estimate::memory::stated(assembly, options);
        memory = capacity::memory((&before, &after), (stated(old), stated(new)));
        estimate = Some(after);
    }
    costs.extend(options.cost);
    let findings = findings::compare(old, new, &options.check);
    let approvals = approvals::required(&diff);
    let refused = diff.resources().any(|change| !change.failures.is_empty())
        || findings.new.iter().any(|one| one.counts_as(Severity::Error));
    let verdict = match () {
        () if refused => Verdict::Refused,
        () if !approvals.is_empty() => Verdict::NeedsApproval,
        () if diff.is_empty() => Verdict::Nothing,
        () => Verdict::Safe,
    };
    let graphs = diff
        .stacks
        .iter()
        .filter(|stack| graph::is_changed(stack))
        .filter_map(|changed| {
            let stack = new.stacks.iter().find(|stack| stack.id == changed.id)?;
            let graph = graph::around_changes(graph::of_change(stack, changed));
            let graph = graph::collapse(graph, graph::MAX_NODES);
            Some(StackGraph { stack: changed.id.clone(), graph })
        })
        .collect();
    Card {
        base: options.base,
        verdict,
        diff,
        new_findings: findings.new,
        known_findings: findings.known,
        fixed_findings: findings.fixed,
        approvals,
        cost: costs,
        prices,
        quotas,
        memory,
        estimate,
        graphs,
    }
}
