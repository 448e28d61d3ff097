//! A stack: the resources that CloudFormation deploys as one unit.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

use indexmap::IndexMap;

use crate::app::State;
use crate::assembly::DocumentFile;
use crate::asset::PackedAsset;
use crate::condition::Condition;
use crate::construct::{Construct, Scope};
use crate::customize::Customization;
use crate::defaults::Defaults;
use crate::error::{Error, ErrorKind, RelatedLocation};
use crate::for_each::Loop;
use crate::mapping::Mapping;
use crate::output::Output;
use crate::parameter::ParameterParts;
use crate::partition::Partition;
use crate::resource::{Handle, Resource, TypedResource};
use crate::value::{CallerLocation, Untyped};

/// Identifies a stack of an app, so that a handle refers to its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StackKey {
    pub app: usize,
    pub index: usize,
}

/// The account and region of a stack. If one is not set, the credentials at deployment determine it.
///
/// ```
/// use stackwright_synth::{Environment, Partition};
///
/// let environment = Environment::default().account("123456789012").region("cn-north-1");
/// assert_eq!(environment.partition(), Some(Partition::China));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Environment {
    /// The account ID of 12 digits; `None` if it is not set.
    pub account: Option<String>,
    /// The region, such as `us-east-1`; `None` if it is not set.
    pub region: Option<String>,
}

impl Environment {
    /// Sets the account, by its ID of 12 digits.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Sets the region, such as `us-east-1`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Returns the partition of the region; `None` if the region is not set.
    pub fn partition(&self) -> Option<Partition> {
        self.region.as_deref().map(Partition::of_region)
    }

    /// Returns the values of the pseudo parameters that are the same in every stack of the account and the region, as far as
    /// these are set: `AWS::Partition`, `AWS::URLSuffix`, `AWS::Region` and `AWS::AccountId`.
    pub fn pseudo_parameters(&self) -> Vec<PseudoParameter> {
        let of_region = |region: &String| {
            let partition = Partition::of_region(region);
            [
                ("AWS::Partition", partition.name().to_owned()),
                ("AWS::URLSuffix", partition.dns_suffix().to_owned()),
                ("AWS::Region", region.clone()),
            ]
        };
        let of_account = self.account.iter().map(|account| ("AWS::AccountId", account.clone()));
        let known = self.region.iter().flat_map(of_region).chain(of_account);
        known.map(|(name, value)| PseudoParameter { name, value }).collect()
    }

    pub(crate) fn describe(&self) -> String {
        let account = self.account.as_deref().unwrap_or("any account");
        let region = self.region.as_deref().unwrap_or("any region");
        format!("{account}, {region}")
    }
}

/// A pseudo parameter with its value in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PseudoParameter {
    /// The name, such as `AWS::Region`.
    pub name: &'static str,
    /// The value, such as `us-east-1`.
    pub value: String,
}

/// An element of a stack, with the location that added it.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub value: T,
    pub source: CallerLocation,
    /// Whether the element was created in a construct that hides its inner locations.
    pub hides_locations: bool,
}

/// The elements of a stack.
#[derive(Debug)]
pub(crate) struct Contents {
    pub id: String,
    pub name: Option<String>,
    pub environment: Environment,
    /// The line that set the region.
    pub region_location: Option<CallerLocation>,
    pub description: Option<String>,
    pub tags: IndexMap<String, String>,
    pub termination_protection: Option<bool>,
    pub source: CallerLocation,
    pub parameters: IndexMap<String, Entry<ParameterParts>>,
    pub mappings: IndexMap<String, Entry<Mapping>>,
    pub conditions: IndexMap<String, Entry<Condition>>,
    pub resources: IndexMap<String, Entry<Resource>>,
    pub loops: IndexMap<String, Entry<Loop>>,
    pub outputs: IndexMap<String, Entry<Output>>,
    /// The former IDs of resources, with the line that set each.
    pub former_ids: IndexMap<String, Vec<(String, CallerLocation)>>,
    pub assets: IndexMap<String, PackedAsset>,
    /// Files that are written to the directory of the template.
    pub documents: Vec<DocumentFile>,
    pub depends_on: Vec<(StackKey, CallerLocation)>,
    /// Changes to every resource that is added.
    pub customizations: Vec<Customization>,
    /// The default values of constructs.
    pub defaults: Defaults,
    /// The location of each logical ID. A logical ID is unique across all kinds of elements.
    pub logical_ids: IndexMap<String, CallerLocation>,
}

/// A stack of an [`App`](crate::App). It is a handle: all clones refer to the same stack.
#[derive(Clone)]
pub struct Stack {
    pub(crate) key: StackKey,
    pub(crate) state: Rc<RefCell<State>>,
}

impl Stack {
    fn with<R>(&self, change: impl FnOnce(&mut Contents) -> R) -> R {
        change(&mut self.state.borrow_mut().stacks[self.key.index])
    }

    /// Sets the region that the stack is deployed to, such as `us-east-1`. By default, the credentials at deployment
    /// determine it.
    ///
    /// A name that does not have the form of a region is an error at the caller's line. For a region that the data of
    /// the crate do not contain, `stackwright check` reports the warning `unknown-region` at the line of this call.
    #[track_caller]
    pub fn region(self, region: impl Into<String>) -> Self {
        let region = region.into();
        if !is_region(&region) {
            self.report(ErrorKind::IllegalRegion(region.clone()), Location::caller(), None);
        }
        let location = Location::caller();
        self.with(|contents| {
            contents.environment.region = Some(region);
            contents.region_location = Some(location);
        });
        self
    }

    /// Sets the ID of the account that the stack is deployed to, such as `123456789012`. By default, the credentials at
    /// deployment determine it. A text that does not consist of 12 digits is an error at the caller's line.
    #[track_caller]
    pub fn account(self, account: impl Into<String>) -> Self {
        let account = account.into();
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            self.report(ErrorKind::IllegalAccount(account.clone()), Location::caller(), None);
        }
        self.with(|contents| contents.environment.account = Some(account));
        self
    }

    /// Returns the account and region of the stack, as far as they were set before this call.
    pub fn environment(&self) -> Environment {
        self.with(|contents| contents.environment.clone())
    }

    /// Sets the name of the stack in CloudFormation. By default, it is the app's name and the stack's ID, joined by a
    /// hyphen. A name that does not consist of at most 128 letters, digits and hyphens, beginning with a letter, is an
    /// error at the caller's line.
    #[track_caller]
    pub fn name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        if !is_stack_name(&name) {
            self.report(ErrorKind::IllegalStackName(name.clone()), Location::caller(), None);
        }
        self.with(|contents| contents.name = Some(name));
        self
    }

    /// Sets the description of the stack (`Description`), at most 1,024 bytes. By default, it has none.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.with(|contents| contents.description = Some(description.into()));
        self
    }

    /// Adds a tag to the stack. CloudFormation adds it to every resource that supports tags. A second call for the same
    /// key replaces the value.
    ///
    /// A key that does not have 1 to 128 characters or starts with `aws:`, and a value with more than 256 characters,
    /// are errors at the caller's line.
    #[track_caller]
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        let fits = !key.is_empty() && key.chars().count() <= 128 && value.chars().count() <= 256;
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            self.report(ErrorKind::IllegalTag(key.clone()), Location::caller(), None);
        }
        self.with(|contents| contents.tags.insert(key, value));
        self
    }

    /// Changes every resource of one type that is added to this stack after this call, regardless of the construct that
    /// creates it. The changes of the app are applied before those of the stack. See [`Construct::customize`].
    pub fn customize<R: TypedResource + 'static>(self, change: impl Fn(R) -> R + 'static) -> Self {
        self.with(|contents| contents.customizations.push(Customization::new(change)));
        self
    }

    /// Sets a default value for the constructs that are added to this stack after this call. A stack has one default
    /// value of each type; a second call for the type replaces it. Crates of constructs define the types, such as the
    /// KMS key that buckets and volumes are encrypted with.
    pub fn with_default<T: Clone + 'static>(self, value: T) -> Self {
        self.with(|contents| contents.defaults.set(value));
        self
    }

    /// Returns the default value of a type, for constructs: that of the stack or, if it has none, that of its app.
    pub fn default_value<T: Clone + 'static>(&self) -> Option<T> {
        let state = self.state.borrow();
        state.stacks[self.key.index].defaults.get().or_else(|| state.defaults.get())
    }

    /// Returns the customizations of the app and of the stack, in the order in which they apply.
    pub(crate) fn customizations(&self) -> Vec<Customization> {
        let state = self.state.borrow();
        state.customizations.iter().chain(&state.stacks[self.key.index].customizations).cloned().collect()
    }

    /// Returns the resources whose logical IDs start with a prefix: the rest of the ID, and the type.
    pub(crate) fn resource_types(&self, prefix: &str) -> Vec<(String, String)> {
        self.with(|contents| {
            let below = |(id, entry): (&String, &Entry<Resource>)| {
                Some((id.strip_prefix(prefix)?.to_owned(), entry.value.type_name().to_owned()))
            };
            contents.resources.iter().filter_map(below).collect()
        })
    }

    /// Enables or disables termination protection: CloudFormation refuses to delete the stack while it is enabled
    /// (`EnableTerminationProtection`). Without this call, a deployment does not change the setting of the stack.
    pub fn termination_protection(self, enabled: bool) -> Self {
        self.with(|contents| contents.termination_protection = Some(enabled));
        self
    }

    /// Deploys this stack after another stack of the app. A reference to a resource of the other stack has the same
    /// effect. A stack of another app is an error at the caller's line, and a cycle of stacks is an error of
    /// [`App::synth`](crate::App::synth).
    #[track_caller]
    pub fn depends_on(self, other: &Stack) -> Self {
        let source = Location::caller();
        if other.key.app == self.key.app {
            self.with(|contents| contents.depends_on.push((other.key, source)));
        } else {
            let id = other.with(|contents| contents.id.clone());
            self.report(ErrorKind::ForeignHandle(id), source, None);
        }
        self
    }

    /// Adds a construct and returns its handle.
    ///
    /// The ID becomes the logical ID in the template, or the prefix of the logical IDs of all resources of the
    /// construct. If the ID is changed, CloudFormation replaces the resources, unless [`Construct::formerly`] states the
    /// old ID. A logical ID that does not consist of 1 to 255 letters and digits, and one that the stack has already, are
    /// errors at the caller's line.
    #[track_caller]
    pub fn add<C: Construct>(&self, id: &str, construct: C) -> C::Handle {
        Scope::new(self, Location::caller()).add(id, construct)
    }

    /// Adds an output, whose name is the ID. It is a short form of `stack.add(id, Output::new(value))`.
    #[track_caller]
    pub fn output(&self, id: &str, value: impl Untyped) {
        self.add(id, Output::new(value));
    }

    /// Adds an element, or reports an error if its logical ID is not valid or already used.
    pub(crate) fn insert<T>(
        &self,
        id: &str,
        value: T,
        source: CallerLocation,
        hides_locations: bool,
        section: impl FnOnce(&mut Contents) -> &mut IndexMap<String, Entry<T>>,
    ) -> Handle {
        let limit = stackwright_schemas::limits::limits().logical_id_characters;
        if id.is_empty() || id.len() > limit || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            self.report_at(id, ErrorKind::IllegalLogicalId(id.to_owned()), source, None);
        }
        let taken = self.with(|contents| match contents.logical_ids.get(id) {
            Some(first) => Some(*first),
            None => {
                contents.logical_ids.insert(id.to_owned(), source);
                section(contents).insert(id.to_owned(), Entry { value, source, hides_locations });
                None
            }
        });
        if let Some(first) = taken {
            let related = Some(RelatedLocation::new("first used here", first));
            self.report_at(id, ErrorKind::DuplicateLogicalId(id.to_owned()), source, related);
        }
        Handle { stack: self.key, logical_id: id.into() }
    }

    fn report(&self, kind: ErrorKind, source: CallerLocation, related: Option<RelatedLocation>) {
        self.report_at("", kind, source, related);
    }

    /// Reports an error about an element of this stack.
    pub(crate) fn report_at(
        &self,
        id: &str,
        kind: ErrorKind,
        source: CallerLocation,
        related: Option<RelatedLocation>,
    ) {
        let mut state = self.state.borrow_mut();
        let stack = &state.stacks[self.key.index].id;
        let path = if id.is_empty() { stack.clone() } else { format!("{stack}/{id}") };
        state.errors.push(Error { kind, path, location: Some(source.into()), related });
    }

    pub(crate) fn insert_former_ids(&self, id: &str, former_ids: &[(String, CallerLocation)]) {
        if !former_ids.is_empty() {
            self.with(|contents| contents.former_ids.insert(id.to_owned(), former_ids.to_vec()));
        }
    }

    pub(crate) fn insert_document(&self, name: String, text: String) {
        self.with(|contents| {
            contents.documents.push(DocumentFile { name: name.replace(['/', '\\'], "."), text })
        });
    }

    pub(crate) fn insert_asset(&self, asset: PackedAsset) {
        self.with(|contents| contents.assets.insert(asset.object_key.clone(), asset));
    }
}

pub(crate) fn is_stack_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a name has the form of a region: two or more words of letters, such as `us-gov-west`, and a number. Regions that
/// are newer than the data have that form too.
pub(crate) fn is_region(name: &str) -> bool {
    let Some((words, number)) = name.rsplit_once('-') else { return false };
    let is_word = |word: &str| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.split('-').count() >= 2
        && words.split('-').all(is_word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
