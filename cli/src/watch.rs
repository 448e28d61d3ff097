//! `--watch`: runs a command again after each change of its inputs.
//!
//! The inputs are polled. This needs no further dependency, and works on network file systems and in containers, where
//! notifications of the operating system do not arrive.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::deployment::Signals;
use crate::failure::Failure;
use crate::origin::Origin;
use crate::program::{self, Workspace};
use crate::safe_text;

/// The shortest pause between two scans.
const PAUSE: Duration = Duration::from_millis(200);

/// The ratio of the pause after a scan to the duration of the scan, so that large directories do not occupy a processor.
const PAUSE_PER_SCAN: u32 = 10;

/// Directories and files that builds write, besides hidden ones.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "__pycache__", "Cargo.lock"];

/// The time of the last change of each file, and its size.
type Stamps = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Runs a command, and runs it again after each change of its inputs, until a signal ends the process. A failure of the
/// command is printed, and the command waits for the next change.
pub(crate) fn repeat(
    origin: &Origin,
    mut command: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let inputs = Inputs::of(origin)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    loop {
        let mut known = inputs.stamps();
        if let Err(failure) = command() {
            failure.print();
        }
        // The first build finds more inputs. A file that was known before keeps its stamp, because it may have changed while
        // the command ran.
        for (path, stamp) in inputs.stamps() {
            known.entry(path).or_insert(stamp);
        }
        anstream::eprintln!("watching {} files for changes; Ctrl-C ends the command", known.len());
        let changed = runtime.block_on(async {
            tokio::select! {
                changed = inputs.next_change(&known) => Some(changed),
                _ = signals.next() => None,
            }
        });
        let Some(changed) = changed else { return Ok(()) };
        let here = std::env::current_dir().unwrap_or_default();
        let shown = changed.strip_prefix(&here).unwrap_or(&changed).display().to_string();
        anstream::eprintln!("\nchanged: {}", safe_text::line(&shown));
    }
}

/// The files that a command reads.
struct Inputs {
    /// Files, and directories with all files below them.
    roots: Vec<PathBuf>,
    /// The file in which Cargo lists the sources of the executable, also those in other directories.
    sources: Option<PathBuf>,
}

impl Inputs {
    fn of(origin: &Origin) -> Result<Self, Failure> {
        match origin {
            Origin::Program(_) => Err(Failure::usage(
                "a running program cannot rebuild itself, which `--watch` requires",
            )
            .hint("run the installed binary in the directory of the program: `stackwright synth --watch`")),
            Origin::Path(path) if !path.exists() => {
                Err(Failure::new(format!("{} does not exist", path.display())))
            }
            Origin::Path(path) => Ok(Self { roots: vec![path.clone()], sources: None }),
            Origin::CurrentDirectory(package) => {
                let directory = std::env::current_dir()?;
                let workspace = Workspace { directory: &directory, target: None };
                let (roots, sources) = program::inputs(&workspace, package.as_deref())?;
                Ok(Self { roots, sources: Some(sources) })
            }
        }
    }

    /// Returns the first file that differs from the stored state. It returns after the files have stopped changing, because
    /// editors write in several steps.
    async fn next_change(&self, known: &Stamps) -> PathBuf {
        let mut before: Option<Stamps> = None;
        loop {
            let start = Instant::now();
            let now = self.stamps();
            if before.as_ref() == Some(&now)
                && let Some(changed) = difference(known, &now)
            {
                return changed.to_owned();
            }
            before = Some(now);
            tokio::time::sleep(PAUSE.max(start.elapsed() * PAUSE_PER_SCAN)).await;
        }
    }

    fn stamps(&self) -> Stamps {
        let mut stamps = Stamps::new();
        for root in &self.roots {
            // A root that the user named is read whatever its name is.
            match fs::metadata(root) {
                Ok(metadata) if metadata.is_dir() => scan(root, &mut stamps),
                Ok(metadata) => _ = stamps.insert(root.clone(), stamp(&metadata)),
                Err(_) => {}
            }
        }
        let sources = self.sources.as_ref().and_then(|file| fs::read_to_string(file).ok());
        for source in sources.iter().flat_map(|text| listed(text)) {
            if let Ok(metadata) = fs::metadata(&source) {
                stamps.insert(source, stamp(&metadata));
            }
        }
        stamps
    }
}

fn stamp(metadata: &Metadata) -> (Option<SystemTime>, u64) {
    (metadata.modified().ok(), metadata.len())
}

/// Adds all files below a directory, except what builds write.
fn scan(directory: &Path, stamps: &mut Stamps) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || LEFT_OUT.contains(&name.as_ref()) {
            continue;
        }
        let Ok(kind) = entry.file_type() else { continue };
        // A link to a directory could lead into a cycle.
        if kind.is_dir() {
            let is_written = ["CACHEDIR.TAG", "manifest.json"].iter().any(|mark| path.join(mark).exists());
            if !is_written {
                scan(&path, stamps);
            }
        } else if let Ok(metadata) = fs::metadata(&path)
            && metadata.is_file()
        {
            stamps.insert(path, stamp(&metadata));
        }
    }
}

/// Returns the sources in a file of dependencies that Cargo wrote: a target, a colon, and paths in which a backslash precedes
/// each space.
fn listed(text: &str) -> Vec<PathBuf> {
    let Some((_, paths)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    let mut found = vec![String::new()];
    let mut characters = paths.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(' ')) => {
                characters.next();
                found.last_mut().expect("never empty").push(' ');
            }
            (' ', _) => found.push(String::new()),
            _ => found.last_mut().expect("never empty").push(character),
        }
    }
    found.into_iter().filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

fn difference<'s>(known: &'s Stamps, now: &'s Stamps) -> Option<&'s Path> {
    let changed = now.iter().find(|(path, stamp)| known.get(*path) != Some(*stamp));
    let removed = || known.iter().find(|(path, _)| !now.contains_key(*path));
    changed.or_else(removed).map(|(path, _)| path.as_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_builds_write_are_not_watched() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for file in [
            "src/lib.rs",
            "model/code/inference.py",
            "target/debug/app",
            "out/manifest.json",
            "out/Main.template.json",
            ".git/HEAD",
            "build/CACHEDIR.TAG",
            "build/x.o",
            "Cargo.lock",
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let inputs = Inputs { roots: vec![root.to_owned()], sources: None };
        let known = inputs.stamps();
        let names: Vec<_> = known.keys().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect();
        assert_eq!(names, [Path::new("model/code/inference.py"), Path::new("src/lib.rs")]);

        fs::write(root.join("out/Main.template.json"), "{}").unwrap();
        assert_eq!(difference(&known, &inputs.stamps()), None);
        fs::write(root.join("src/new.rs"), "").unwrap();
        assert_eq!(difference(&known, &inputs.stamps()), Some(root.join("src/new.rs").as_path()));
        fs::remove_file(root.join("src/new.rs")).unwrap();
        fs::write(root.join("src/lib.rs"), "//").unwrap();
        assert_eq!(difference(&known, &inputs.stamps()), Some(root.join("src/lib.rs").as_path()));
        fs::remove_file(root.join("src/lib.rs")).unwrap();
        assert_eq!(difference(&known, &inputs.stamps()), Some(root.join("src/lib.rs").as_path()));
    }

    #[test]
    fn the_sources_that_cargo_lists_are_read() {
        let text = "/w/target/debug/app: /w/src/main.rs /w/my\\ model/lib.rs\n\n/w/src/main.rs:\n";
        assert_eq!(listed(text), [Path::new("/w/src/main.rs"), Path::new("/w/my model/lib.rs")]);
        assert_eq!(listed(""), Vec::<PathBuf>::new());
    }
}
