//! The state: stacks, buckets, and what is left of deleted stacks. It is one JSON file in a folder, so that a second run
//! goes on where the first one ended, however that ended.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::engine::Operation;
use crate::error::Refusal;
use crate::faults::Faults;
use crate::hook::HookResult;
use crate::plan::Change;
use crate::refactor::Refactor;
use crate::stack_set::StackSet;
use crate::template::Wanted;

/// What making a change set is called among operations.
pub(crate) const MAKING_CHANGE_SET: &str = "CREATE_CHANGESET";

/// Milliseconds since 1970.
pub(crate) type Millis = u64;

pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `2026-11-25T10:00:00.123Z`
pub(crate) fn written(time: Millis) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

pub(crate) fn unique_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// How the endpoint behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub account: String,
    /// How long it takes to do something to a resource, unless a fault says otherwise.
    pub resource_time: Millis,
    /// How long making a change set takes.
    pub change_set_time: Millis,
    pub faults: Faults,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub stacks: Vec<Stack>,
    pub refactors: Vec<Refactor>,
    pub stack_sets: Vec<StackSet>,
    pub hook_results: Vec<HookResult>,
    pub buckets: BTreeMap<String, Bucket>,
    /// Objects that are being uploaded in parts, by the upload's id.
    pub uploads: BTreeMap<String, Upload>,
    /// Resources that no stack owns any more: retained ones.
    pub unowned: Vec<Resource>,
    /// How often each operation was asked for.
    #[serde(skip)]
    pub requests: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub region: String,
    /// Answers of the bucket's settings (`policy`, `encryption` and so on), as they were put.
    pub settings: BTreeMap<String, String>,
    /// Key to name of the file with the content.
    pub objects: BTreeMap<String, Object>,
}

/// An object that is being uploaded in parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub bucket: String,
    pub key: String,
    pub content_type: String,
    /// The file with each part's content.
    pub parts: BTreeMap<u32, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Object {
    pub file: String,
    pub bytes: u64,
    pub etag: String,
    pub time: Millis,
    pub content_type: String,
}

/// What a stack is made from: a request gives it, a change set keeps it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Inputs {
    /// The text of the template, with everything in it written out.
    pub template: String,
    /// As it was given, if that is another text.
    pub original: Option<String>,
    /// Values by name, before SSM parameters are looked up.
    pub parameters: IndexMap<String, String>,
    pub tags: IndexMap<String, String>,
    pub capabilities: Vec<String>,
    pub role: Option<String>,
    pub notification_arns: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stack {
    pub id: String,
    pub name: String,
    /// The account that it is in: another one than the endpoint's only for the stacks of a stack set.
    pub account: String,
    pub region: String,
    pub status: String,
    pub reason: String,
    pub created: Millis,
    pub updated: Option<Millis>,
    pub deleted: Option<Millis>,
    pub inputs: Inputs,
    pub termination_protection: bool,
    pub disable_rollback: bool,
    pub policy: Option<String>,
    pub resources: IndexMap<String, Resource>,
    pub outputs: Vec<Output>,
    /// What other stacks' exports its template reads.
    pub imports: Vec<String>,
    pub events: Vec<Event>,
    pub change_sets: Vec<ChangeSet>,
    pub operation: Option<Operation>,
    /// Type and id of every operation, the newest first.
    pub last_operations: Vec<(String, String)>,
    /// The change set that was executed last.
    #[serde(default)]
    pub last_change_set: Option<String>,
    pub parent: Option<String>,
    pub drift: Option<Drift>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Output {
    pub key: String,
    pub value: String,
    pub description: Option<String>,
    pub export: Option<String>,
}

/// A resource of a stack, or one that a stack left behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub logical_id: String,
    pub type_name: String,
    pub physical_id: String,
    pub status: String,
    pub reason: Option<String>,
    pub time: Millis,
    /// As the template said it when it was last deployed, resolved.
    pub properties: Map<String, Json>,
    /// As it is: different where somebody changed it past the stack.
    pub live: Map<String, Json>,
    /// What `Fn::GetAtt` yields beyond the properties.
    pub attributes: Map<String, Json>,
    /// The resource as the template has it.
    pub written: Json,
    pub depends_on: Vec<String>,
    pub drift: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub id: String,
    pub time: Millis,
    pub logical_id: String,
    pub physical_id: String,
    pub type_name: String,
    pub status: String,
    pub reason: Option<String>,
    pub properties: Option<String>,
    pub token: Option<String>,
    pub operation: String,
    pub operation_type: String,
    /// Of a validation before deployment: its name and the path.
    pub validation: Option<(String, String)>,
    /// What a hook said.
    pub hook: Option<HookResult>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChangeSet {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub created: Millis,
    /// From then on it is what `status` says; before, it is being made.
    pub ready: Millis,
    pub status: String,
    pub reason: Option<String>,
    pub execution: String,
    pub description: Option<String>,
    pub inputs: Inputs,
    pub changes: Vec<Change>,
    pub on_failure: Option<String>,
    pub deployment_mode: Option<String>,
    pub deployment_config: Option<Json>,
    pub import_existing: bool,
    /// Logical id to physical id of what is imported.
    pub imports: IndexMap<String, String>,
    pub token: Option<String>,
    pub operation: String,
    /// The change set that this one is nested in, and the outermost one.
    pub within: Option<(String, String)>,
    /// Whether nested stacks have change sets of their own: logical id to stack.
    pub nested: Option<IndexMap<String, String>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Drift {
    pub id: String,
    pub started: Millis,
    pub ready: Millis,
    pub status: String,
    pub drifted: usize,
}

/// An account and a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home<'a> {
    pub account: &'a str,
    pub region: &'a str,
}

impl ChangeSet {
    /// The id of one that is still to be made.
    pub fn new_id(home: Home<'_>, name: &str) -> String {
        format!("arn:aws:cloudformation:{}:{}:changeSet/{name}/{}", home.region, home.account, unique_id())
    }

    /// An event of its making: it tells of what was found, and of no status.
    pub fn finding(&self, logical_id: &str, type_name: &str) -> Event {
        Event {
            id: unique_id(),
            time: self.created,
            logical_id: logical_id.to_owned(),
            physical_id: String::new(),
            type_name: type_name.to_owned(),
            status: String::new(),
            reason: None,
            properties: None,
            token: None,
            operation: self.operation.clone(),
            operation_type: MAKING_CHANGE_SET.to_owned(),
            validation: None,
            hook: None,
        }
    }
}

impl Resource {
    /// What `Ref` yields of it, or `Fn::GetAtt` of an attribute.
    pub fn value(&self, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(self.physical_id.clone().into()),
            Some(name) => self.attributes.get(name).or_else(|| self.properties.get(name)).cloned(),
        }
    }
}

impl Inputs {
    /// Whether the same stack comes of both.
    pub fn make_the_same(&self, other: &Self) -> bool {
        self.template == other.template && self.parameters == other.parameters && self.tags == other.tags
    }

    /// The template as it was given.
    pub fn given(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.template)
    }
}

impl Stack {
    pub fn home(&self) -> Home<'_> {
        Home { account: &self.account, region: &self.region }
    }

    pub fn is_deleted(&self) -> bool {
        self.status == "DELETE_COMPLETE"
    }

    pub fn is_in_progress(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }

    /// Whatever happens to the stack from now on belongs to an operation of its own; its id.
    pub fn enter(&mut self, operation_type: &str) -> String {
        let id = unique_id();
        self.last_operations.insert(0, (operation_type.to_owned(), id.clone()));
        id
    }

    /// What a stack says of its last operation: that, and what took it back. Making a change set changes nothing.
    pub fn shown_operations(&self) -> impl Iterator<Item = &(String, String)> {
        let mut is_told = false;
        self.last_operations.iter().filter(|(kind, _)| kind != MAKING_CHANGE_SET).take_while(
            move |(kind, _)| {
                let was_told = is_told;
                is_told |= !kind.ends_with("ROLLBACK");
                !was_told
            },
        )
    }

    /// The id of the operation that runs or ran last.
    pub fn last_operation(&self) -> Option<&str> {
        self.shown_operations().next().map(|(_, id)| id.as_str())
    }
}

/// How many templates are kept as they were read.
const READ_AT_MOST: usize = 128;

/// The state with where it is kept and how the endpoint behaves.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub state: State,
    pub settings: Settings,
    folder: PathBuf,
    /// What is in the file.
    saved: String,
    /// Templates that were read lately, by their texts: operations ask for the same ones at every resource.
    read: RefCell<IndexMap<String, Arc<Wanted>>>,
}

impl Cloud {
    /// The state of a folder, or an empty one.
    pub fn open(folder: &Path, settings: Settings) -> io::Result<Self> {
        fs::create_dir_all(folder.join("objects"))?;
        let path = folder.join("state.json");
        let saved = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let state = if saved.is_empty() {
            State::default()
        } else {
            serde_json::from_str(&saved).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
            })?
        };
        Ok(Self { state, settings, folder: folder.to_owned(), saved, read: RefCell::default() })
    }

    /// Writes the state, if it is another than before: at once or not at all.
    pub fn save(&mut self) -> io::Result<()> {
        let text = serde_json::to_string(&self.state)?;
        if text == self.saved {
            return Ok(());
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(self.folder.join("state.json")).map_err(|error| error.error)?;
        self.saved = text;
        Ok(())
    }

    /// Reads a template, as [`Wanted::read`] does.
    pub fn wanted(&self, template: &str) -> Result<Arc<Wanted>, Refusal> {
        let mut read = self.read.borrow_mut();
        if let Some(wanted) = read.get(template) {
            return Ok(Arc::clone(wanted));
        }
        let wanted = Arc::new(Wanted::read(template)?);
        if read.len() >= READ_AT_MOST {
            read.shift_remove_index(0);
        }
        read.insert(template.to_owned(), Arc::clone(&wanted));
        Ok(wanted)
    }

    pub fn object_path(&self, file: &str) -> PathBuf {
        self.folder.join("objects").join(file)
    }

    /// Where the stack of an id stands.
    pub fn position_of(&self, id: &str) -> Option<usize> {
        self.state.stacks.iter().position(|stack| stack.id == id)
    }

    /// The stack of an id.
    pub fn stack_of(&self, id: &str) -> Option<&Stack> {
        self.state.stacks.iter().find(|stack| stack.id == id)
    }

    /// The stack of a name or id in a region. A deleted one is found by its id only.
    pub fn position(&self, region: &str, name: &str) -> Option<usize> {
        self.state.stacks.iter().position(|stack| {
            stack.id == name
                || (stack.name == name && stack.home() == self.here(region) && !stack.is_deleted())
        })
    }

    pub fn stack(&self, region: &str, name: &str) -> Result<usize, Refusal> {
        self.position(region, name)
            .ok_or_else(|| Refusal::validation(format!("Stack with id {name} does not exist")))
    }

    /// A region of the endpoint's account.
    pub fn here<'c>(&'c self, region: &'c str) -> Home<'c> {
        Home { account: &self.settings.account, region }
    }

    /// Every stack that is there.
    pub fn stacks_in<'c>(&'c self, home: Home<'c>) -> impl Iterator<Item = &'c Stack> {
        self.state.stacks.iter().filter(move |stack| stack.home() == home && !stack.is_deleted())
    }

    /// Every export by its name: value and the stack's id.
    pub fn exports(&self, home: Home<'_>) -> BTreeMap<String, (String, String)> {
        self.stacks_in(home)
            .flat_map(|stack| {
                stack.outputs.iter().filter_map(|output| {
                    Some((output.export.clone()?, (output.value.clone(), stack.id.clone())))
                })
            })
            .collect()
    }

    /// The stacks that read an export.
    pub fn importers<'c>(&'c self, home: Home<'c>, export: &'c str) -> impl Iterator<Item = &'c Stack> {
        self.stacks_in(home).filter(move |stack| stack.imports.iter().any(|name| name == export))
    }

    /// The value of an SSM parameter, if a stack has made it.
    pub fn ssm_parameter(&self, home: Home<'_>, name: &str) -> Option<String> {
        self.stacks_in(home).find_map(|stack| {
            let parameter = stack.resources.values().find(|resource| {
                resource.type_name == "AWS::SSM::Parameter" && resource.physical_id == name
            })?;
            Some(parameter.live.get("Value")?.as_str()?.to_owned())
        })
    }
}
