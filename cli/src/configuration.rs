//! The configuration of the check: the file `stackwright.toml`. It applies to `check`, to every other command that checks the
//! stacks first, such as `synth` and `deploy`, and to the functions of `testing`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use stackwright_review::check::{Ignore, Level, Options};
use stackwright_review::matches_pattern;

/// The settings of the file; empty if there is no file.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub regions: Vec<String>,
    pub baseline: Option<PathBuf>,
    pub levels: BTreeMap<String, Level>,
    pub ignores: Vec<Ignore>,
    patterns: Vec<String>,
    excluded: Vec<String>,
    /// The directory of the file, to which its paths are relative.
    directory: PathBuf,
}

impl Configuration {
    /// Returns the options of the check, without the baseline.
    pub fn options(&self) -> Options {
        let mut options = Options::default().regions(&self.regions);
        options.levels.clone_from(&self.levels);
        options.ignores.clone_from(&self.ignores);
        options
    }

    /// Returns the options for one file. A pattern in `files` applies to the path from the directory of the configuration,
    /// wherever the command runs.
    pub fn options_of<'o>(&self, options: &'o Options, path: Option<&Path>) -> Cow<'o, Options> {
        let Some(name) = path.and_then(|path| relative(path, &self.directory)) else {
            return Cow::Borrowed(options);
        };
        let is_of_file =
            |ignore: &Ignore| ignore.stacks.iter().any(|pattern| matches_pattern(pattern, &name));
        if !options.ignores.iter().any(is_of_file) {
            return Cow::Borrowed(options);
        }
        let mut options = options.clone();
        for ignore in options.ignores.iter_mut().filter(|ignore| is_of_file(ignore)) {
            ignore.stacks.clear();
        }
        Cow::Owned(options)
    }
}

/// Returns the path from a directory to a file in it, with `/` between its parts; `None` for a file elsewhere.
pub(crate) fn relative(path: &Path, directory: &Path) -> Option<String> {
    let (path, directory) = (normal(path)?, normal(directory)?);
    let parts = path.strip_prefix(directory).ok()?.components();
    Some(parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}

/// The absolute path without `.` and `..`.
fn normal(path: &Path) -> Option<PathBuf> {
    // An empty path is the current directory.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let mut normal = PathBuf::new();
    for part in std::path::absolute(path).ok()?.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    Some(normal)
}

mod file {
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::{Map, Value as Json};
    use stackwright_review::check::{Ignore, Level, Options, nearest_rule, rule_named, rules};
    use stackwright_review::matches_pattern;

    use super::Configuration;
    use crate::baseline::Baseline;
    use crate::failure::Failure;

    const NAME: &str = "stackwright.toml";
    const SETTINGS: [&str; 7] = ["region", "regions", "baseline", "paths", "exclude", "rules", "ignore"];
    const OF_IGNORE: [&str; 5] = ["rules", "files", "stacks", "resources", "reason"];

    impl Configuration {
        /// Reads the given file, or the one in the current directory or its nearest ancestor.
        pub fn read(explicit: Option<&Path>) -> Result<Self, Failure> {
            match explicit {
                Some(path) => Self::of_file(path),
                None => Self::of_directory(&std::env::current_dir()?),
            }
        }

        /// Reads the file in a directory or its nearest ancestor.
        pub fn of_directory(directory: &Path) -> Result<Self, Failure> {
            let mut files = directory.ancestors().map(|directory| directory.join(NAME));
            files.find(|path| path.is_file()).map_or_else(|| Ok(Self::default()), |path| Self::of_file(&path))
        }

        fn of_file(path: &Path) -> Result<Self, Failure> {
            let failed = |message: String| Failure::usage(format!("{}: {message}", path.display()));
            let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            let directory = path.parent().map(Path::to_owned).unwrap_or_default();
            Self::of(&text, directory).map_err(failed)
        }

        fn of(text: &str, directory: PathBuf) -> Result<Self, String> {
            let table: Map<String, Json> = basic_toml::from_str(text).map_err(|error| error.to_string())?;
            let mut configuration = Self { directory, ..Self::default() };
            for (name, item) in &table {
                match name.as_str() {
                    "region" => configuration.regions = vec![string(name, item)?],
                    "regions" => configuration.regions = strings(name, item)?,
                    "baseline" => {
                        configuration.baseline = Some(configuration.directory.join(string(name, item)?))
                    }
                    "paths" => configuration.patterns = strings(name, item)?,
                    "exclude" => configuration.excluded = strings(name, item)?,
                    "rules" => configuration.rules(item)?,
                    "ignore" => configuration.ignore(item)?,
                    _ => return Err(unknown("there is no setting", name, &SETTINGS)),
                }
            }
            if table.contains_key("region") && table.contains_key("regions") {
                return Err("set either `region` or `regions`".into());
            }
            Ok(configuration)
        }

        fn rules(&mut self, item: &Json) -> Result<(), String> {
            let table = item
                .as_object()
                .ok_or("`rules` is a table: write `[rules]`, and below it `RULE = \"off\"`")?;
            for (name, level) in table {
                known(name)?;
                let level = string(name, level)?;
                let level = Level::parse(&level).ok_or_else(|| {
                    format!("`{name}` cannot be `{level}`: use off, info, warning or error")
                })?;
                self.levels.insert(name.to_owned(), level);
            }
            Ok(())
        }

        fn ignore(&mut self, item: &Json) -> Result<(), String> {
            const FORM: &str = "`ignore` is a list of tables: write `[[ignore]]`";
            for table in item.as_array().ok_or(FORM)? {
                let mut ignore = Ignore::default();
                for (name, item) in table.as_object().ok_or(FORM)? {
                    match name.as_str() {
                        "rules" => ignore.rules = strings(name, item)?,
                        "files" | "stacks" => ignore.stacks.extend(strings(name, item)?),
                        "resources" => ignore.resources = strings(name, item)?,
                        "reason" => ignore.reason = string(name, item)?,
                        _ => return Err(unknown("an `ignore` has no", name, &OF_IGNORE)),
                    }
                }
                if ignore.reason.trim().is_empty() {
                    return Err("an `ignore` has no `reason`".into());
                }
                ignore.rules.iter().try_for_each(|name| known(name))?;
                self.ignores.push(ignore);
            }
            Ok(())
        }

        /// Returns the options of the check for the stacks of a program.
        pub fn options_of_stacks(&self) -> Result<Options, Failure> {
            let baseline = self.baseline.as_deref().map(Baseline::read).transpose()?;
            let known = baseline.map(|baseline| baseline.of(None)).unwrap_or_default();
            let mut options = self.options();
            options.baseline = known;
            Ok(options)
        }

        /// Returns the paths to check if the command line contains none: the files that match `paths` and do not
        /// match `exclude`.
        pub fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
            let mut found = Vec::new();
            if !self.patterns.is_empty() {
                self.collect(&self.directory, &mut found)?;
            }
            found.sort();
            if found.is_empty() && !self.patterns.is_empty() {
                let patterns = self.patterns.join("`, `");
                let directory = self.directory.display();
                return Err(Failure::usage(format!("no file in {directory} matches `paths`: `{patterns}`")));
            }
            Ok(found)
        }

        fn collect(&self, directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
            let failed = |error| Failure::new(format!("{}: {error}", directory.display()));
            for entry in fs::read_dir(directory).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let path = entry.path();
                let relative = path.strip_prefix(&self.directory).unwrap_or(&path);
                let name = relative.display().to_string().replace('\\', "/");
                let matches =
                    |patterns: &[String]| patterns.iter().any(|pattern| matches_pattern(pattern, &name));
                let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
                if is_hidden || matches(&self.excluded) {
                    continue;
                }
                // A link to a directory can be a link to a directory above it.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    self.collect(&path, found)?;
                } else if !path.is_dir() && matches(&self.patterns) {
                    found.push(path);
                }
            }
            Ok(())
        }
    }

    fn string(name: &str, item: &Json) -> Result<String, String> {
        item.as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` is a string"))
    }

    fn strings(name: &str, item: &Json) -> Result<Vec<String>, String> {
        let items = item.as_array().ok_or_else(|| format!("`{name}` is a list of strings"))?;
        let read = |item: &Json| item.as_str().map(str::to_owned);
        items.iter().map(|item| read(item).ok_or_else(|| format!("`{name}` is a list of strings"))).collect()
    }

    /// Whether a rule has this name, or a pattern of an `ignore` matches one.
    fn known(name: &str) -> Result<(), String> {
        if rule_named(name).is_some()
            || rules().any(|rule| name.contains(['*', '?']) && matches_pattern(name, rule.name))
        {
            return Ok(());
        }
        let near = nearest_rule(name).map_or_else(
            || "`stackwright explain` lists all rules".to_owned(),
            |near| format!("the most similar name is `{near}`"),
        );
        Err(format!("there is no rule `{name}`; {near}"))
    }

    fn unknown(what: &str, name: &str, known: &[&str]) -> String {
        format!("{what} `{name}`; use {}", known.join(", "))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn read(text: &str) -> Result<Configuration, String> {
            Configuration::of(text, PathBuf::new())
        }

        #[test]
        fn rules_paths_and_ignores_are_read() {
            let found = read(
                "region = \"eu-west-1\"\npaths = [\"templates/*.yaml\"]\n[rules]\nunencrypted-volume = \"off\"\nwildcard-resource = \
                 \"warning\"\n[[ignore]]\nrules = [\"unused-parameter\"]\nfiles = [\"legacy/*\"]\nreason = \"kept\"\n",
            )
            .unwrap();
            assert_eq!(found.regions, ["eu-west-1"]);
            assert_eq!(found.levels["unencrypted-volume"], Level::Off);
            assert_eq!(found.ignores[0].stacks, ["legacy/*"]);
        }

        #[test]
        fn the_example_of_the_page_on_checking_is_read() {
            let page = include_str!("../../docs/checking.md");
            let example = page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
            let found = read(example).unwrap();
            assert_eq!(found.regions, ["us-east-1", "eu-west-1"]);
            assert_eq!(found.baseline, Some("baseline.json".into()));
            assert_eq!(found.levels["unused-parameter"], Level::Off);
            assert_eq!(found.ignores[0].reason, "the website is public");
        }

        #[test]
        fn every_form_of_toml_for_these_settings_is_read() {
            let found = read(
                "regions = [\n  'eu-west-1', # a comment\n  \"us-\\u0065ast-1\",\n]\nrules.unused-parameter = \"off\"\n\
                 rules.\"public-bucket\" = \"info\"\n\
                 ignore = [{ rules = [], files = [\"a\"], reason = \"\"\"\nold\"\"\" }]\n",
            )
            .unwrap();
            assert_eq!(found.regions, ["eu-west-1", "us-east-1"]);
            assert_eq!(found.levels.len(), 2);
            assert_eq!(found.ignores[0].reason, "old");
        }

        #[test]
        fn mistakes_are_reported() {
            assert!(read("rules").unwrap_err().contains("line 1"));
            assert!(read("[rules]\nno-such-rule = \"off\"").unwrap_err().contains("no-such-rule"));
            assert!(read("[rules]\nunused-parameter = \"loud\"").unwrap_err().contains("use off"));
            assert!(read("colour = 1").unwrap_err().contains("colour"));
            assert!(read("[[ignore]]\nrules = [\"unused-parameter\"]").unwrap_err().contains("reason"));
        }
    }
}
