//! Provenance: the line of the program that set each value. It is stored in a separate file, never in the templates.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

use crate::error::SourceLocation;
use crate::template;

/// The source locations of the values of a template by their JSON pointers, such as `/Resources/Jobs/Properties`: lines
/// of the program, or of the text of the template.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// The pointers, one after the other.
    pointers: String,
    /// The end of each pointer in the string, and its location. It is a list, because it is written for every
    /// property and searched only when there is a finding.
    program: Vec<(usize, SourceLocation)>,
    /// The positions in the list, sorted by pointer. It is built when the first location is looked up.
    sorted: OnceLock<Vec<usize>>,
    text: Option<Arc<Text>>,
}

/// The text of a template that was read. Its locations are computed when the first is needed.
#[derive(Debug)]
struct Text {
    file: String,
    text: String,
    locations: OnceLock<HashMap<String, SourceLocation>>,
}

impl Provenance {
    /// The pointer of the line that set the region of the stack. It is the name of the pseudo parameter, because the region is not a
    /// value of the template.
    pub const REGION: &str = "/AWS::Region";

    /// Creates the provenance of a template that was read from text.
    pub(crate) fn of_text(file: &str, text: String) -> Self {
        let text = Text { file: file.to_owned(), text, locations: OnceLock::new() };
        Self { text: Some(Arc::new(text)), ..Self::default() }
    }

    /// Creates the provenance of a template with some resources; a usual resource sets about eight values.
    pub(crate) fn for_resources(count: usize) -> Self {
        let values = count * 8;
        Self {
            pointers: String::with_capacity(values * 64),
            program: Vec::with_capacity(values),
            ..Self::default()
        }
    }

    /// Frees the memory that is not used.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.pointers.shrink_to_fit();
        self.program.shrink_to_fit();
    }

    /// Returns the location of the value at a JSON pointer, or of the nearest enclosing value; `None` if neither has a
    /// location.
    pub fn find(&self, pointer: &str) -> Option<&SourceLocation> {
        let mut pointer = pointer;
        loop {
            if let Some(location) = self.exactly(pointer) {
                return Some(location);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }

    /// Returns the location of the value at a JSON pointer, if the value has a location of its own.
    pub fn exactly(&self, pointer: &str) -> Option<&SourceLocation> {
        match &self.text {
            Some(text) => text.locations().get(pointer),
            None => {
                let sorted = self.sorted.get_or_init(|| {
                    let mut positions: Vec<usize> = (0..self.program.len()).collect();
                    positions.sort_by(|one, other| self.pointer(*one).cmp(self.pointer(*other)));
                    positions
                });
                let found = sorted.binary_search_by(|at| self.pointer(*at).cmp(pointer)).ok()?;
                Some(&self.program[sorted[found]].1)
            }
        }
    }

    /// Returns the JSON pointer of every value that a line of a program set, with its location. There are none for a
    /// template that was read from text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SourceLocation)> {
        self.program.iter().enumerate().map(|(index, (_, location))| (self.pointer(index), location))
    }

    fn pointer(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.program[before].0);
        &self.pointers[start..self.program[index].0]
    }

    /// Returns the number of recorded locations.
    pub(crate) fn len(&self) -> usize {
        self.program.len()
    }

    /// Removes all recorded locations except the first `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.program.truncate(length);
        self.pointers.truncate(self.program.last().map_or(0, |(end, _)| *end));
    }

    pub(crate) fn insert(&mut self, pointer: &str, location: SourceLocation) {
        self.sorted.take();
        self.pointers.push_str(pointer);
        self.program.push((self.pointers.len(), location));
    }
}

impl Text {
    fn locations(&self) -> &HashMap<String, SourceLocation> {
        let size = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let location = |(line, column)| SourceLocation {
            file: Cow::Owned(self.file.clone()),
            line: size(line),
            column: size(column),
        };
        self.locations.get_or_init(|| {
            let whole = (String::new(), (1, 1));
            let locations = template::locations(&self.text).into_iter().chain([whole]);
            locations.map(|(pointer, at)| (pointer, location(at))).collect()
        })
    }
}

/// The content of the provenance file: the file names once, and for each pointer of each stack the file, line and
/// column.
#[derive(serde::Deserialize)]
struct Document {
    files: Vec<String>,
    stacks: IndexMap<String, IndexMap<String, (usize, u32, u32)>>,
}

/// The size of the text that is written at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// Writes the provenance file of an assembly, a line for each pointer.
pub(crate) fn write(stacks: &[(&str, &Provenance)], mut to: impl Write) -> io::Result<()> {
    let files = files(stacks);
    let mut text = b"{\n  \"files\": ".to_vec();
    serde_json::to_writer(&mut text, &files)?;
    text.extend_from_slice(b",\n  \"stacks\": {");
    for (number, one) in stacks.iter().enumerate() {
        text.extend_from_slice(if number == 0 { b"\n    " } else { b",\n    " });
        stack(*one, &files, &mut text)?;
        if text.len() >= PIECE {
            to.write_all(&text)?;
            text.clear();
        }
    }
    text.extend_from_slice(b"\n  }\n}\n");
    to.write_all(&text)
}

/// Returns the names of all files, sorted. Most locations are in the same file as the one before.
fn files<'a>(stacks: &[(&str, &'a Provenance)]) -> Vec<&'a str> {
    let mut files = BTreeSet::new();
    let mut last = "";
    for (_, location) in stacks.iter().flat_map(|(_, provenance)| provenance.iter()) {
        let file = location.file.as_ref();
        if !std::ptr::eq(file, last) {
            files.insert(file);
            last = file;
        }
    }
    files.into_iter().collect()
}

/// Adds the entry of one stack to a text.
fn stack((id, provenance): (&str, &Provenance), files: &[&str], text: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *text, id)?;
    text.extend(b": {");
    let mut last = ("", 0);
    for (number, (pointer, location)) in provenance.iter().enumerate() {
        text.extend_from_slice(if number == 0 { b"\n      " } else { b",\n      " });
        serde_json::to_writer(&mut *text, pointer)?;
        let file = location.file.as_ref();
        if !std::ptr::eq(file, last.0) {
            last = (file, files.binary_search(&file).unwrap_or_default());
        }
        text.extend_from_slice(b": ");
        serde_json::to_writer(&mut *text, &(last.1, location.line, location.column))?;
    }
    text.extend_from_slice(b"\n    }");
    Ok(())
}

/// Reads the provenance file: the provenance of each stack by its ID.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Provenance>, serde_json::Error> {
    let document: Document = serde_json::from_str(text)?;
    let mut stacks = BTreeMap::new();
    for (id, locations) in document.stacks {
        let mut provenance = Provenance::default();
        for (pointer, (file, line, column)) in locations {
            if let Some(file) = document.files.get(file) {
                provenance.insert(&pointer, SourceLocation { file: Cow::Owned(file.clone()), line, column });
            }
        }
        stacks.insert(id, provenance);
    }
    Ok(stacks)
}
