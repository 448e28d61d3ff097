//! A card as Markdown, for the comment of a pull request.

use std::fmt::Write as _;

use super::cost::{summary_of, with_marks};
use super::{Card, StackGraph, Verdict};
use crate::diagnostic::Diagnostic;
use crate::diff::{self, Consequence, Effect, Line, ResourceChange, StackDiff};
use crate::graph;
use crate::markdown::{MarkdownPart, cell, code, limited};

/// The maximum number of resources in the first table.
const MAX_ROWS: usize = 40;

/// The maximum number of changes of a resource in the first table.
const MAX_CHANGES: usize = 6;

/// The maximum number of characters of a change in the first table. Two values are shown from the first difference.
const MAX_CHARS: usize = 240;

/// Returns the card as Markdown, with at most `limit` characters. Parts at the end that do not fit are omitted, and
/// the card names them.
pub fn markdown(card: &Card, limit: usize) -> String {
    let elsewhere = format!("`stackwright diff --base {}` shows it.", card.base);
    limited(parts(card), limit, &elsewhere)
}

fn parts(card: &Card) -> Vec<MarkdownPart> {
    let mut parts: Vec<MarkdownPart> = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            parts.push(MarkdownPart::new(name, text));
        }
    };
    add("the verdict", head(card));
    add("the approvals", approvals(card));
    add("the changes by consequence", table(card));
    add("the security changes", security(card));
    add("the cost", cost(card));
    add("quotas and memory", capacity(card));
    add("the new findings", findings(card));
    let in_table = card.diff.resources().count() <= MAX_ROWS;
    for stack in &card.diff.stacks {
        add(&format!("the details of {}", stack.id), details(stack, in_table));
    }
    for StackGraph { stack: id, graph } in &card.graphs {
        let diagram = graph::mermaid(graph);
        let text = format!(
            "\n<details><summary>Diagram of {}</summary>\n\n```mermaid\n{diagram}```\n\n</details>\n",
            cell(id)
        );
        add(&format!("the diagram of {id}"), text);
    }
    parts
}

fn head(card: &Card) -> String {
    let verdict = match card.verdict {
        Verdict::Nothing => "No change of the infrastructure",
        Verdict::Safe => "No approval needed",
        Verdict::NeedsApproval => "Needs approval",
        Verdict::Refused => "Would fail",
    };
    let mut text = format!("## {verdict}\n\n{}", diff::summary(&card.diff));
    if !card.base.is_empty() {
        let _ = write!(text, ", compared with {}", code(&card.base));
    }
    text.push_str(".\n");
    for stack in &card.diff.stacks {
        for note in &stack.notes {
            let _ = writeln!(text, "\n> {}: {}", cell(&stack.id), cell(note));
        }
    }
    if card.verdict == Verdict::Refused {
        let refused = |change: &&ResourceChange| change.consequence == Consequence::Refused;
        let refused: Vec<String> =
            card.diff.resources().filter(refused).map(|change| code(&change.logical_id)).collect();
        if !refused.is_empty() {
            let _ = writeln!(text, "\nCloudFormation refuses the update of {}.", refused.join(", "));
        }
    }
    text
}

fn approvals(card: &Card) -> String {
    if card.approvals.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n**`deploy` will ask for these approvals:**\n\n");
    for one in &card.approvals {
        let mark = if one.is_dangerous { "⚠️ " } else { "" };
        let _ =
            writeln!(text, "- {mark}{} ({}): {}", code(&one.words()), cell(&one.stack), cell(&one.reason));
    }
    text
}

/// Returns the changes that have a consequence, the most severe first, over all stacks.
fn table(card: &Card) -> String {
    let stacks = card.diff.stacks.iter();
    let mut changes: Vec<(&StackDiff, &ResourceChange)> =
        stacks.flat_map(|stack| stack.resources.iter().map(move |change| (stack, change))).collect();
    changes.retain(|(_, change)| change.consequence != Consequence::Unchanged);
    changes.sort_by_key(|(_, change)| change.consequence);
    if changes.is_empty() {
        return String::new();
    }
    let several = card.diff.stacks.len() > 1;
    let mut text = String::from("\n| | Resource | Consequence | Changes |\n|---|---|---|---|\n");
    for (stack, change) in changes.iter().take(MAX_ROWS) {
        let mut name = if several { format!("{}<br>", cell(&stack.id)) } else { String::new() };
        if let Some(old) = &change.renamed_from {
            let _ = write!(name, "{} → ", code(old));
        }
        let _ = write!(name, "{}<br>{}", code(&change.logical_id), cell(&change.resource_type));
        let _ = writeln!(
            text,
            "| {} | {name} | {} | {} |",
            change.consequence.sign(),
            cell(&diff::fate(change)),
            changes_of(change)
        );
    }
    if changes.len() > MAX_ROWS {
        let _ = writeln!(text, "\n{} more resources are in the details.", changes.len() - MAX_ROWS);
    }
    text
}

fn changes_of(change: &ResourceChange) -> String {
    let lines = diff::grouped(change.shown());
    let number = lines.len();
    let mut cells: Vec<String> = lines
        .into_iter()
        .take(MAX_CHANGES)
        .map(|line| match line {
            Line::One(line) => code(&shortened(&line)),
            Line::Several(path, lines) => format!("{}: {} lines in the details", code(&path), lines.len()),
        })
        .collect();
    if number > MAX_CHANGES {
        cells.push(format!("{} more in the details", number - MAX_CHANGES));
    }
    cells.extend(change.failures.iter().map(|failure| format!("**Will fail:** {}", cell(failure))));
    cells.extend(change.notes.iter().map(|note| format!("*{}*", cell(note))));
    cells.join("<br>")
}

/// Shortens a line to the maximum length; the shortened line states the length of the original.
fn shortened(line: &str) -> String {
    let length = line.chars().count();
    if length <= MAX_CHARS {
        return line.to_owned();
    }
    // Both values of a change are shown, each from the first difference.
    let half = MAX_CHARS / 2;
    let cut = |text: &str| -> String {
        if text.chars().count() > half {
            format!("{}…", text.chars().take(half).collect::<String>())
        } else {
            text.to_owned()
        }
    };
    match line.split_once(" → ") {
        Some((before, after)) => format!("{} → {} ({length} characters)", cut(before), cut(after)),
        None => format!("{} ({length} characters)", cut(line)),
    }
}

fn security(card: &Card) -> String {
    let all: Vec<_> = card
        .diff
        .stacks
        .iter()
        .flat_map(|stack| stack.security.iter().map(move |one| (stack, one)))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    let count = |wanted: Effect| all.iter().filter(|(_, one)| one.effect == wanted).count();
    let (broadened, narrowed) = (count(Effect::Broadened), count(Effect::Narrowed));
    let mut text = format!(
        "\n<details{}><summary>Security: {broadened} broadened, {narrowed} narrowed, {} other</summary>\n\n",
        if broadened > 0 { " open" } else { "" },
        all.len() - broadened - narrowed
    );
    text.push_str("| | Resource | What |\n|---|---|---|\n");
    for (stack, one) in all {
        let _ = writeln!(
            text,
            "| {} {} | {}/{} | {} |",
            one.subject.name(),
            one.effect.name(),
            cell(&stack.id),
            cell(&one.logical_id),
            cell(&one.what)
        );
    }
    text.push_str("\n</details>\n");
    text
}

fn cost(card: &Card) -> String {
    if card.cost.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n**Cost**\n\n| | Before | After | |\n|---|---|---|---|\n");
    for one in &card.cost {
        let amount = |amount: &Option<String>| amount.as_deref().map_or("—".to_owned(), cell);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            cell(&one.what),
            amount(&one.before),
            amount(&one.after),
            one.note.as_deref().map(cell).unwrap_or_default()
        );
    }
    if !card.prices.is_empty() {
        let _ = writeln!(
            text,
            "\n<details><summary>{}</summary>\n\n| Item | USD | Region | Date | Source |\n|---|---|---|---|---|",
            cell(&summary_of(&card.prices))
        );
        for one in &card.prices {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                cell(&one.item),
                one.usd.exact(),
                cell(&one.region),
                cell(&one.date),
                cell(&with_marks(one))
            );
        }
        text.push_str("\n</details>\n");
    }
    text
}

/// Returns the quotas and the GPU memory that change.
fn capacity(card: &Card) -> String {
    let mut text = String::new();
    if !card.quotas.is_empty() {
        text.push_str(
            "\n**Service quotas that all stacks need, during an update**\n\n\
             | Quota | Before | After | Default of AWS |\n|---|---|---|---|\n",
        );
        for one in &card.quotas {
            let number = |number: Option<u64>| {
                number.map_or("unknown".to_owned(), |number| format!("{number} {}", one.unit))
            };
            let code = one.code.as_ref().map_or(String::new(), |code| format!(" ({})", cell(code)));
            let mark = if one.exceeds_default() { "⚠️ " } else { "" };
            let _ = writeln!(
                text,
                "| {}{code} | {} | {mark}{} | {} |",
                cell(&one.name),
                number(one.before),
                number(one.after),
                number(one.default)
            );
        }
    }
    let shown: Vec<_> = card.memory.iter().filter(|one| one.is_shown()).collect();
    if !shown.is_empty() {
        text.push_str("\n**GPU memory**\n\n| | Before | After |\n|---|---|---|\n");
        for one in shown {
            let gpus = |gpus: &Option<String>| gpus.as_deref().map_or("no GPU".to_owned(), cell);
            let before =
                if one.before.is_none() && one.stated.is_some() { "—".into() } else { gpus(&one.before) };
            let less = if one.shrinks { "less memory: " } else { "" };
            let mark = if one.is_risk() { "⚠️ " } else { "" };
            let _ = writeln!(text, "| {} | {before} | {mark}{less}{} |", cell(&one.what), gpus(&one.after));
        }
    }
    text
}

fn findings(card: &Card) -> String {
    let counts = format!(
        "{} new, {} known, {} fixed",
        card.new_findings.len(),
        card.known_findings,
        card.fixed_findings
    );
    if card.new_findings.is_empty() {
        return match card.known_findings + card.fixed_findings {
            0 => String::new(),
            _ => format!("\nFindings of `check`: {counts}.\n"),
        };
    }
    let mut text = format!("\n<details open><summary>Findings of `check`: {counts}</summary>\n\n");
    text.push_str("| | Rule | Where | What |\n|---|---|---|---|\n");
    for one in &card.new_findings {
        let help = one.help.as_ref().map_or(String::new(), |help| format!("<br>{}", cell(help)));
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {}{help} |",
            one.severity.name(),
            one.id,
            location(one),
            cell(&one.message)
        );
    }
    text.push_str("\n</details>\n");
    text
}

fn location(one: &Diagnostic) -> String {
    let subject = cell(&one.subject());
    match &one.location {
        Some(location) => format!("{subject}<br>`{}:{}`", cell(&location.file), location.line),
        None => subject,
    }
}

/// Returns the details of a stack that the first table does not show, in a collapsed section. Values are not shortened.
fn details(stack: &StackDiff, in_table: bool) -> String {
    let is_whole = |change: &ResourceChange| {
        let lines = diff::grouped(change.shown());
        let is_short = |line: &Line| matches!(line, Line::One(line) if line.chars().count() <= MAX_CHARS);
        change.written.is_empty() && lines.len() <= MAX_CHANGES && lines.iter().all(is_short)
    };
    let is_shown = in_table && stack.resources.iter().all(is_whole);
    if is_shown && stack.settings.is_empty() && stack.sections.is_empty() && stack.assets.is_empty() {
        return String::new();
    }
    let text = diff::stack_markdown(stack, !is_shown);
    format!("\n<details><summary>Details of {}</summary>\n{text}\n</details>\n", cell(&stack.id))
}
