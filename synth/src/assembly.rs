//! The cloud assembly: the result of synthesis, in memory and on disk, in the format that the CDK CLI reads.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};
use stackwright_schemas::limits::limits;

use crate::app::State;
use crate::asset::{Content, sha256};
use crate::cross_stack;
use crate::error::{Error, ErrorKind, Errors, RelatedLocation};
use crate::former::former_ids;
use crate::parallel;
use crate::provenance::{self, Provenance};
use crate::render::{Keep, Rendered, render};
use crate::stack::{Environment, is_stack_name};
use crate::template::{Recovered, Template, TemplateError};
use crate::value::CallerLocation;

/// The default bucket for assets. `deploy` inserts the account and the region.
pub(crate) const DEFAULT_ASSET_BUCKET: &str = "stackwright-assets-${AWS::AccountId}-${AWS::Region}";

/// The version of the assembly schema that is written. Every CDK CLI since 2024 reads it.
const MANIFEST_VERSION: &str = "36.0.0";

/// The file in the directory of the templates that records the line of the program that set each value.
const PROVENANCE: &str = "provenance.json";

/// The file in the directory of the templates with the former logical IDs of resources. It exists only if a resource
/// has one.
const FORMER_IDS: &str = "former-ids.json";

/// The result of synthesis: all stacks of an app, or the stacks that were read from a directory or a template.
///
/// ```
/// use stackwright_synth::Assembly;
///
/// let template = "Resources: {Jobs: {Type: AWS::SQS::Queue}}";
/// let assembly = Assembly::of_template("queues.yaml", template.to_owned())?;
/// assert_eq!(assembly.stacks[0].id, "queues");
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Assembly {
    /// The stacks, in the order in which the program added them, or in which the manifest lists them.
    pub stacks: Vec<StackArtifact>,
}

/// One stack of an [`Assembly`], with its template and everything that is needed to deploy the stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StackArtifact {
    /// The ID of the stack in the app, such as `Serving`.
    pub id: String,
    /// The name of the stack in CloudFormation, such as `shop-Serving`.
    pub name: String,
    /// The account and region that the stack is deployed to, as far as the program sets them.
    pub environment: Environment,
    /// The template of the stack.
    pub template: Template,
    /// The line of the program, or of the template file, that set each value of the template.
    pub provenance: Provenance,
    /// The IDs of the stacks that must be deployed before the stack.
    pub dependencies: Vec<String>,
    /// The former logical IDs of resources, by the current logical ID: see
    /// [`Construct::formerly`](crate::Construct::formerly).
    pub former_ids: IndexMap<String, Vec<String>>,
    /// The tags of the stack, by their keys.
    pub tags: IndexMap<String, String>,
    /// Whether a deployment enables or disables termination protection of the stack. With `None`, it does not change the
    /// setting.
    pub termination_protection: Option<bool>,
    /// The files that must be in S3 before the stack is deployed.
    pub assets: Vec<FileAsset>,
    /// Readable copies of documents: the JSON documents that the template contains as strings, such as a pipeline
    /// definition, and the files that constructs generate into archives.
    pub documents: Vec<DocumentFile>,
    /// The S3 bucket for a template that is too large to be passed in a request.
    template_bucket: String,
}

/// A text file beside the template of a stack, for people and other programs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DocumentFile {
    /// The name of the file without the ID of the stack, such as `Train.job.yaml`.
    pub name: String,
    /// The content of the file.
    pub text: String,
}

/// A file that must be in S3 before a stack is deployed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileAsset {
    /// The SHA-256 of the content, as 64 hexadecimal digits.
    pub hash: String,
    /// The name of the S3 bucket. The name contains `${AWS::AccountId}` and `${AWS::Region}` if the program does not set the
    /// account and the region. For a container image, it is the name of the repository in Amazon ECR.
    pub bucket: String,
    /// The object key, which is derived from the content. For a container image, it is the tag.
    pub object_key: String,
    /// The path of the file, or of the directory that [`packed`](Self::packed) packs as a `.zip` archive, on the local disk.
    pub path: PathBuf,
    /// The packed directory, whose temporary file exists until it is copied.
    content: Option<Content>,
    kind: AssetKind,
}

/// The entry of an asset in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AssetKind {
    /// A file that is uploaded unchanged.
    File,
    /// A directory that is uploaded as a `.zip` archive.
    Directory,
    /// The directory of a container image, which only the CDK CLI builds and pushes.
    ContainerImage,
}

/// An error of reading or writing an assembly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssemblyError {
    /// A file or directory cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The path of the file or directory.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        error: io::Error,
    },
    /// The output directory contains files that are not an assembly, which writing would delete.
    #[error("{0} is not empty and does not hold an assembly: choose another directory, or empty it")]
    NotAnAssembly(PathBuf),
    /// A file of the assembly has unexpected content.
    #[error("{path}: {message}")]
    Malformed {
        /// The path of the file.
        path: PathBuf,
        /// The reason why the content is not valid.
        message: String,
    },
    /// A file of the assembly is not the expected JSON.
    #[error("{path}: {error}")]
    Json {
        /// The path of the file.
        path: PathBuf,
        /// The reason.
        #[source]
        error: serde_json::Error,
    },
    /// A template of the assembly is not valid.
    #[error("{path}:{line}:{column}: {message}", line = error.line, column = error.column, message = error.message)]
    Template {
        /// The path of the template.
        path: PathBuf,
        /// The reason why the template is not valid, and its position in the file.
        #[source]
        error: TemplateError,
    },
}

pub(crate) fn assemble(state: &State, keep: Keep) -> Result<Assembly, Errors> {
    let mut errors = state.errors.clone();
    find_duplicates(state, &mut errors);
    let mut rendered = render(state, keep, &mut errors);
    let before = cross_stack::connect(state, &mut rendered, &mut errors);
    let bucket = state.asset_bucket.as_deref().unwrap_or(DEFAULT_ASSET_BUCKET);
    let mut stacks = Vec::new();
    for ((index, rendered), before) in rendered.into_iter().enumerate().zip(before) {
        let contents = &state.stacks[index];
        let Rendered { template, mut provenance, documents, .. } = rendered;
        if let Some(location) = contents.region_location {
            provenance.insert(Provenance::REGION, location.into());
        }
        let file = |asset: &crate::asset::PackedAsset| FileAsset {
            hash: asset.hash.clone(),
            bucket: bucket.to_owned(),
            object_key: asset.object_key.clone(),
            path: asset.content.path().to_owned(),
            content: Some(asset.content.clone()),
            kind: AssetKind::File,
        };
        stacks.push(StackArtifact {
            id: contents.id.clone(),
            name: state.stack_name(index),
            environment: contents.environment.clone(),
            template,
            provenance,
            dependencies: before.into_iter().map(|other| state.stacks[other].id.clone()).collect(),
            former_ids: former_ids(contents, &mut errors),
            tags: contents.tags.clone(),
            termination_protection: contents.termination_protection,
            assets: contents.assets.values().map(file).collect(),
            documents,
            template_bucket: bucket.to_owned(),
        });
    }
    for (stack, contents) in stacks.iter().zip(&state.stacks) {
        let bytes = stack.template.json().len();
        if bytes > limits().template_url_bytes {
            let kind = ErrorKind::TemplateTooLarge { bytes, limit: limits().template_url_bytes };
            let location = Some(contents.source.into());
            errors.push(Error { kind, path: contents.id.clone(), location, related: None });
        }
    }
    if !errors.is_empty() {
        return Err(Errors::new(errors));
    }
    Ok(Assembly { stacks })
}

fn find_duplicates(state: &State, errors: &mut Vec<Error>) {
    let mut ids: HashMap<&str, CallerLocation> = HashMap::new();
    let mut names: HashMap<(String, &Environment), CallerLocation> = HashMap::new();
    for (index, contents) in state.stacks.iter().enumerate() {
        let mut report = |kind, first: Option<CallerLocation>| {
            errors.push(Error {
                kind,
                path: contents.id.clone(),
                location: Some(contents.source.into()),
                related: first.map(|first| RelatedLocation::new("first added here", first)),
            });
        };
        let name = state.stack_name(index);
        // A name or an ID that the program set was validated when it was set.
        if contents.name.is_none() && !is_stack_name(&name) && is_stack_name(&contents.id) {
            report(ErrorKind::IllegalStackName(name.clone()), None);
        }
        let same_name = names.insert((name, &contents.environment), contents.source);
        if let Some(first) = ids.insert(&contents.id, contents.source).or(same_name) {
            report(ErrorKind::DuplicateStack(contents.id.clone()), Some(first));
        }
    }
}

impl StackArtifact {
    /// Returns the file name of the template in the assembly, `ID.template.json`.
    pub fn template_file(&self) -> String {
        format!("{}.template.json", self.id)
    }

    /// Returns the text of the template, which is deployed unchanged.
    pub fn template_body(&self) -> &str {
        self.template.json()
    }

    /// Returns the name of the S3 bucket for a template that is too large to be passed in a request. The name contains
    /// `${AWS::AccountId}` and `${AWS::Region}` if the program does not set the account and the region.
    pub fn template_bucket(&self) -> &str {
        &self.template_bucket
    }

    /// Returns the object key of a template that is too large to be passed in a request, or `None` for a smaller template.
    pub fn template_object_key(&self) -> Option<String> {
        let body = self.template_body();
        (body.len() > limits().template_body_bytes).then(|| format!("{}.json", sha256(body)))
    }
}

impl Assembly {
    /// Creates an assembly of stacks, such as a selection of the stacks of another assembly.
    ///
    /// ```
    /// use stackwright_synth::{App, Assembly};
    ///
    /// let app = App::new("shop");
    /// app.stack("Network");
    /// app.stack("Serving");
    /// let all = app.synth()?;
    /// let serving = Assembly::new(all.stacks.into_iter().filter(|stack| stack.id == "Serving").collect());
    /// assert_eq!(serving.stacks.len(), 1);
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    pub fn new(stacks: Vec<StackArtifact>) -> Self {
        Self { stacks }
    }

    /// Creates an assembly of one template. The ID of the stack is the file name without its extension, and
    /// without `.template` before the extension.
    ///
    /// # Errors
    /// Returns an error if the text is not a valid template.
    pub fn of_template(file: &str, text: String) -> Result<Self, TemplateError> {
        let template = Template::read(&text)?;
        Ok(Self::of_parts(file, template, text))
    }

    /// Creates an assembly of one template like [`of_template`](Self::of_template), and continues after errors that
    /// do not affect the structure of the template (see [`Template::read_with_errors`]). The template must not be deployed if
    /// there are errors.
    ///
    /// ```
    /// use stackwright_synth::Assembly;
    ///
    /// let text = "Resources:\n  A: {Type: !Rain::Embed a}\n  B: {Type: AWS::SNS::Topic}".to_owned();
    /// let found = Assembly::of_template_with_errors("topics.yaml", text)?;
    /// assert_eq!((found.value.stacks[0].id.as_str(), found.errors.len()), ("topics", 1));
    /// # Ok::<(), stackwright_synth::TemplateError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is not a template.
    pub fn of_template_with_errors(file: &str, text: String) -> Result<Recovered<Self>, TemplateError> {
        let Recovered { value, errors } = Template::read_with_errors(&text)?;
        Ok(Recovered { value: Self::of_parts(file, value, text), errors })
    }

    fn of_parts(file: &str, template: Template, text: String) -> Self {
        let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
        // The CDK writes `Stack.template.json`.
        let id = name.strip_suffix(".template").unwrap_or(&name);
        Self {
            stacks: vec![StackArtifact {
                id: id.to_owned(),
                name: id.to_owned(),
                environment: Environment::default(),
                template,
                provenance: Provenance::of_text(file, text),
                dependencies: Vec::new(),
                former_ids: IndexMap::new(),
                tags: IndexMap::new(),
                termination_protection: None,
                assets: Vec::new(),
                documents: Vec::new(),
                template_bucket: DEFAULT_ASSET_BUCKET.to_owned(),
            }],
        }
    }

    /// Returns the stack with an ID or with a name in CloudFormation, or `None` if there is no such stack.
    pub fn stack(&self, id_or_name: &str) -> Option<&StackArtifact> {
        self.stacks.iter().find(|stack| stack.id == id_or_name || stack.name == id_or_name)
    }

    /// Returns the stacks in deployment order: each after the stacks that it depends on.
    pub fn in_order(&self) -> Vec<&StackArtifact> {
        let mut ordered: Vec<&StackArtifact> = Vec::new();
        let mut waiting: Vec<_> = self.stacks.iter().collect();
        while !waiting.is_empty() {
            let is_ready = |stack: &&StackArtifact| {
                let there = |id: &String| {
                    ordered.iter().any(|done| done.id == *id)
                        || self.stacks.iter().all(|stack| stack.id != *id)
                };
                stack.dependencies.iter().all(there)
            };
            // Synthesis refuses cycles; a cycle in an assembly that was read must not make this loop endless.
            let next = waiting.iter().position(is_ready).unwrap_or(0);
            ordered.push(waiting.remove(next));
        }
        ordered
    }

    /// Returns stacks with all stacks that they depend on, directly or indirectly, each after its dependencies.
    ///
    /// ```
    /// use stackwright_synth::{App, Resource};
    ///
    /// let app = App::new("shop");
    /// let base = app.stack("Base");
    /// base.add("Topic", Resource::of("AWS::SNS::Topic"));
    /// app.stack("Other").add("Topic", Resource::of("AWS::SNS::Topic"));
    /// app.stack("User").depends_on(&base).add("Topic", Resource::of("AWS::SNS::Topic"));
    /// let assembly = app.synth()?;
    /// let user = assembly.stack("User").into_iter().collect::<Vec<_>>();
    /// let ids: Vec<&str> = assembly.with_dependencies(&user).iter().map(|stack| stack.id.as_str()).collect();
    /// assert_eq!(ids, ["Base", "User"]);
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    pub fn with_dependencies(&self, stacks: &[&StackArtifact]) -> Vec<&StackArtifact> {
        let mut ids: Vec<&str> = stacks.iter().map(|stack| stack.id.as_str()).collect();
        let mut next = 0;
        while let Some(id) = ids.get(next).copied() {
            for dependency in self.stack(id).into_iter().flat_map(|stack| &stack.dependencies) {
                if !ids.contains(&dependency.as_str()) {
                    ids.push(dependency);
                }
            }
            next += 1;
        }
        self.in_order().into_iter().filter(|stack| ids.contains(&stack.id.as_str())).collect()
    }

    /// Writes the assembly into a directory, completely or not at all, in the format that the CDK CLI reads. The directory is
    /// created if it does not exist; an existing assembly is replaced.
    ///
    /// # Errors
    /// Returns an error if the directory contains files that are not an assembly, or if it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), AssemblyError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| AssemblyError::Io { path, error }
        };
        let occupied = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
        if directory.exists() && !directory.is_dir() || occupied && !directory.join("manifest.json").is_file()
        {
            return Err(AssemblyError::NotAnAssembly(directory.to_owned()));
        }
        let parent = match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(at(parent))?;
        let fresh = tempfile::Builder::new().prefix(".assembly-").tempdir_in(parent).map_err(at(parent))?;
        let directory_path = fresh.path();
        let jobs: Vec<Job<'_>> = [Job::Provenance, Job::Manifests]
            .into_iter()
            .chain(self.texts().map(|(name, text)| Job::Text(name, text)))
            .chain(self.asset_files())
            .collect();
        parallel::each(&jobs, |job| {
            let write = |name: &str, text: &str| {
                let path = directory_path.join(name);
                fs::write(&path, text).map_err(at(&path))
            };
            match job {
                Job::Provenance => {
                    let path = directory_path.join(PROVENANCE);
                    fs::File::create(&path).and_then(|file| self.write_provenance(file)).map_err(at(&path))
                }
                Job::Manifests => self.manifests().iter().try_for_each(|(name, text)| write(name, text)),
                Job::Text(name, text) => write(name, text),
                Job::Asset(name, asset) => {
                    let from = asset.packed()?;
                    copy_for_all(&from.path, &directory_path.join(name)).map_err(at(&from.path))
                }
            }
        })?;
        #[cfg(unix)]
        {
            // Other users cannot read a temporary directory, but reviewers have to be able to read an assembly.
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(fresh.path(), mode).map_err(at(fresh.path()))?;
        }
        let old = tempfile::Builder::new().prefix(".assembly-").tempdir_in(parent).map_err(at(parent))?;
        let kept = old.path().join("assembly");
        if directory.exists() {
            fs::rename(directory, &kept).map_err(at(directory))?;
        }
        fs::rename(fresh.path(), directory).map_err(|error| {
            // The previous assembly is restored if the new one cannot be moved to its location.
            let _ = fs::rename(&kept, directory);
            at(directory)(error)
        })?;
        remove_files(&kept);
        Ok(())
    }

    /// Returns the content of every file of the assembly except the assets, by file name.
    pub fn files(&self) -> BTreeMap<String, Cow<'_, str>> {
        let mut files: BTreeMap<_, _> =
            self.texts().map(|(name, text)| (name, Cow::Borrowed(text))).collect();
        files.extend(self.manifests().into_iter().map(|(name, text)| (name, Cow::Owned(text))));
        let mut provenance = Vec::new();
        self.write_provenance(&mut provenance).expect("writing to memory");
        files
            .insert(PROVENANCE.into(), Cow::Owned(String::from_utf8(provenance).expect("texts and numbers")));
        files
    }

    fn write_provenance(&self, to: impl io::Write) -> io::Result<()> {
        let stacks: Vec<_> = self.stacks.iter().map(|stack| (stack.id.as_str(), &stack.provenance)).collect();
        provenance::write(&stacks, to)
    }

    /// Returns the templates and documents by file name.
    fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        self.stacks.iter().flat_map(|stack| {
            let documents = stack.documents.iter();
            let documents = documents.map(|one| (format!("{}.{}", stack.id, one.name), one.text.as_str()));
            std::iter::once((stack.template_file(), stack.template_body())).chain(documents)
        })
    }

    /// Returns the asset files without duplicates.
    fn asset_files(&self) -> impl Iterator<Item = Job<'_>> {
        let assets: BTreeMap<_, _> = self
            .stacks
            .iter()
            .flat_map(|stack| &stack.assets)
            .map(|asset| (asset.file_name(), asset))
            .collect();
        assets.into_iter().map(|(name, asset)| Job::Asset(name, asset))
    }

    /// Returns the manifest and the asset manifests, by file name.
    fn manifests(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut artifacts = IndexMap::with_capacity(self.stacks.len());
        let former_ids: IndexMap<&str, _> = self
            .stacks
            .iter()
            .filter(|stack| !stack.former_ids.is_empty())
            .map(|stack| (stack.id.as_str(), &stack.former_ids))
            .collect();
        if !former_ids.is_empty() {
            files.push((FORMER_IDS.into(), pretty(&json!(former_ids))));
        }
        for stack in &self.stacks {
            let mut dependencies = stack.dependencies.clone();
            let template_key = stack.template_object_key();
            let mut entries: IndexMap<String, JsonValue> = IndexMap::new();
            for asset in &stack.assets {
                let entry =
                    asset_entry(&stack.environment, &asset.file_name(), &asset.bucket, &asset.object_key);
                entries.insert(asset.hash.clone(), entry);
            }
            let bucket = &stack.template_bucket;
            if let Some(key) = &template_key {
                let hash = key.trim_end_matches(".json").to_owned();
                entries.insert(hash, asset_entry(&stack.environment, &stack.template_file(), bucket, key));
            }
            if !entries.is_empty() {
                let name = format!("{}.assets", stack.id);
                let file = format!("{name}.json");
                files.push((file.clone(), pretty(&json!({ "version": MANIFEST_VERSION, "files": entries }))));
                let properties = ArtifactProperties { file: Some(file), ..Default::default() };
                let artifact = Artifact { kind: "cdk:asset-manifest", properties, ..Default::default() };
                artifacts.insert(name.clone(), artifact);
                dependencies.push(name);
            }
            let artifact = Artifact {
                kind: "aws:cloudformation:stack",
                environment: Some(environment(&stack.environment)),
                properties: ArtifactProperties {
                    template_file: Some(stack.template_file()),
                    stack_name: Some(&stack.name),
                    tags: Some(&stack.tags),
                    validate_on_synth: Some(false),
                    termination_protection: stack.termination_protection,
                    stack_template_asset_object_url: template_key.map(|key| format!("s3://{bucket}/{key}")),
                    file: None,
                },
                dependencies: Some(dependencies),
                display_name: Some(&stack.id),
            };
            artifacts.insert(stack.id.clone(), artifact);
        }
        files.push(("manifest.json".into(), pretty(&Manifest { version: MANIFEST_VERSION, artifacts })));
        files
    }

    /// Reads an assembly from a directory that `synth` or the CDK CLI wrote, such as `cdk.out`.
    ///
    /// # Errors
    /// Returns an error if the directory does not contain an assembly, or if a part of it is not valid.
    ///
    /// ```
    /// use std::path::Path;
    /// use stackwright_synth::{App, Assembly};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let out = directory.path();
    /// App::new("shop").synth()?.write(out)?;
    /// assert!(Assembly::read(out)?.stacks.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(directory: &Path) -> Result<Self, AssemblyError> {
        let path = directory.join("manifest.json");
        let manifest = read_json(&path)?;
        let Some(artifacts) = manifest["artifacts"].as_object() else {
            return Err(AssemblyError::Malformed { path, message: "it has no artifacts".into() });
        };
        let is_stack = |artifact: &JsonValue| artifact["type"] == "aws:cloudformation:stack";
        let mut provenances = match directory.join(PROVENANCE) {
            path if path.is_file() => {
                provenance::read(&read_text(&path)?).map_err(|error| AssemblyError::Json { path, error })?
            }
            _ => BTreeMap::new(),
        };
        let mut former_ids: IndexMap<String, IndexMap<String, Vec<String>>> = match directory.join(FORMER_IDS)
        {
            path if path.is_file() => serde_json::from_value(read_json(&path)?)
                .map_err(|error| AssemblyError::Json { path, error })?,
            _ => IndexMap::new(),
        };
        let mut stacks = Vec::new();
        for (id, artifact) in artifacts.iter().filter(|(_, artifact)| is_stack(artifact)) {
            let properties = &artifact["properties"];
            let malformed = |message: &str| AssemblyError::Malformed {
                path: directory.join("manifest.json"),
                message: format!("the stack {id} {message}"),
            };
            // The ID becomes the name of a file when the assembly is written again.
            if inside(directory, id).is_none_or(|path| path.parent() != Some(directory)) {
                return Err(malformed("has an ID that is not a valid file name"));
            }
            let file = properties["templateFile"].as_str().ok_or_else(|| malformed("names no template"))?;
            let template_path =
                inside(directory, file).ok_or_else(|| malformed("has a template outside the directory"))?;
            let text = read_text(&template_path)?;
            let template = Template::read(&text)
                .map_err(|error| AssemblyError::Template { path: template_path.clone(), error })?;
            let needed: Vec<&str> = artifact["dependencies"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(JsonValue::as_str)
                .collect();
            let mut assets = Vec::new();
            for name in &needed {
                let other = artifacts.get(*name).filter(|other| other["type"] == "cdk:asset-manifest");
                if let Some(assets_file) = other.and_then(|other| other["properties"]["file"].as_str()) {
                    assets.extend(read_assets(directory, assets_file, file)?);
                }
            }
            let text_of = |key: &str| properties[key].as_str().map(str::to_owned);
            stacks.push(StackArtifact {
                id: id.clone(),
                name: text_of("stackName").unwrap_or_else(|| id.clone()),
                environment: read_environment(artifact["environment"].as_str().unwrap_or_default()),
                template,
                provenance: provenances
                    .remove(id)
                    .unwrap_or_else(|| Provenance::of_text(&template_path.to_string_lossy(), text)),
                dependencies: needed
                    .into_iter()
                    .filter(|name| artifacts.get(*name).is_some_and(is_stack))
                    .map(str::to_owned)
                    .collect(),
                former_ids: former_ids.swap_remove(id).unwrap_or_default(),
                tags: serde_json::from_value(properties["tags"].clone()).unwrap_or_default(),
                termination_protection: properties["terminationProtection"].as_bool(),
                assets,
                documents: Vec::new(),
                template_bucket: template_bucket(properties),
            });
        }
        Ok(Self { stacks })
    }
}

/// Copies a file with the default permissions, because only their owner can read temporary files.
fn copy_for_all(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut fs::File::open(from)?, &mut fs::File::create(to)?).map(drop)
}

/// Deletes the files of a directory, many of them on two threads. The caller handles what could not be deleted.
fn remove_files(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let _: Result<(), ()> = parallel::each(&paths, |path| {
        let _ = fs::remove_file(path);
        Ok(())
    });
}

/// A task of writing an assembly: one file or directory.
enum Job<'a> {
    Provenance,
    Manifests,
    Text(String, &'a str),
    Asset(String, &'a FileAsset),
}

/// The file `manifest.json`.
#[derive(Serialize)]
struct Manifest<'a> {
    version: &'static str,
    artifacts: IndexMap<String, Artifact<'a>>,
}

/// A stack or a manifest of assets.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    properties: ArtifactProperties<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependencies: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactProperties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    template_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a IndexMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validate_on_synth: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    termination_protection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_template_asset_object_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl FileAsset {
    /// Returns a string for each file in the archive, by its name in the archive, that changes if the content or the permissions
    /// of the file change. Returns `None` if the asset is neither a directory nor a `.tar.gz` or `.zip` archive that can be read.
    pub fn archive_entries(&self) -> Option<BTreeMap<String, String>> {
        match self.kind {
            AssetKind::Directory | AssetKind::ContainerImage => crate::asset::directory_entries(&self.path),
            AssetKind::File if self.object_key.ends_with(".zip") => crate::zipped::entries(&self.path),
            AssetKind::File if self.object_key.ends_with(".tar.gz") => {
                crate::asset::archive_entries(&self.path)
            }
            AssetKind::File => return None,
        }
        .ok()
    }

    /// Returns whether the asset is a container image, which only the CDK CLI builds and pushes.
    pub fn is_container_image(&self) -> bool {
        self.kind == AssetKind::ContainerImage
    }

    /// Returns the asset in the form in which it is uploaded: a directory of an assembly of the CDK is packed into a
    /// temporary `.zip` archive, which is deleted with the last clone of the returned asset.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be read, or if the asset is a container image, which only the CDK CLI
    /// builds and pushes.
    pub fn packed(&self) -> Result<Self, AssemblyError> {
        let at = |(path, error)| AssemblyError::Io { path, error };
        match self.kind {
            AssetKind::File => Ok(self.clone()),
            AssetKind::Directory => {
                let content = crate::zipped::pack_directory(&self.path).map_err(at)?;
                let path = content.path().to_owned();
                Ok(Self { path, content: Some(content), kind: AssetKind::File, ..self.clone() })
            }
            AssetKind::ContainerImage => {
                let reason = "it is a container image, which the CDK CLI has to build and push";
                Err(at((self.path.clone(), io::Error::other(reason))))
            }
        }
    }

    /// Returns the file name of the asset in the assembly.
    fn file_name(&self) -> String {
        match (&self.content, self.kind) {
            (None, AssetKind::File) => {
                self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            // The key of a file in an uploaded directory has slashes.
            _ => format!("asset.{}", self.object_key.replace('/', ".")),
        }
    }
}

fn asset_entry(environment: &Environment, file: &str, bucket: &str, key: &str) -> JsonValue {
    let account = environment.account.as_deref().unwrap_or("current_account");
    let region = environment.region.as_deref().unwrap_or("current_region");
    let mut destination = json!({ "bucketName": bucket, "objectKey": key });
    if let Some(region) = &environment.region {
        destination["region"] = region.as_str().into();
    }
    json!({
        "displayName": file,
        "source": { "path": file, "packaging": "file" },
        "destinations": { format!("{account}-{region}"): destination },
    })
}

fn environment(environment: &Environment) -> String {
    let account = environment.account.as_deref().unwrap_or("unknown-account");
    let region = environment.region.as_deref().unwrap_or("unknown-region");
    format!("aws://{account}/{region}")
}

fn read_environment(text: &str) -> Environment {
    let (account, region) =
        text.strip_prefix("aws://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
    let known = |part: &str| (!part.is_empty() && !part.starts_with("unknown-")).then(|| part.to_owned());
    Environment { account: known(account), region: known(region) }
}

/// Returns the bucket that the manifest names for the template.
fn template_bucket(properties: &JsonValue) -> String {
    let url = properties["stackTemplateAssetObjectUrl"].as_str().and_then(|url| url.strip_prefix("s3://"));
    url.and_then(|url| url.split_once('/')).map_or(DEFAULT_ASSET_BUCKET, |(bucket, _)| bucket).to_owned()
}

/// Returns the file assets of an asset manifest except the template, which the deployer uploads only if it is large.
fn read_assets(directory: &Path, file: &str, template: &str) -> Result<Vec<FileAsset>, AssemblyError> {
    let path = inside(directory, file).unwrap_or_else(|| directory.join("manifest.json"));
    let manifest = read_json(&path)?;
    let malformed = |message: String| AssemblyError::Malformed { path: path.clone(), message };
    let mut assets = Vec::new();
    for (hash, entry) in manifest["dockerImages"].as_object().into_iter().flatten() {
        let source = entry["source"]["directory"].as_str().unwrap_or_default();
        let path = inside(directory, source)
            .ok_or_else(|| malformed(format!("{source} lies outside the directory")))?;
        for destination in entry["destinations"].as_object().into_iter().flatten().map(|(_, value)| value) {
            let text = |key: &str| destination[key].as_str().unwrap_or_default();
            assets.push(FileAsset {
                hash: hash.clone(),
                bucket: text("repositoryName").to_owned(),
                object_key: text("imageTag").to_owned(),
                path: path.clone(),
                content: None,
                kind: AssetKind::ContainerImage,
            });
        }
    }
    for (hash, entry) in manifest["files"].as_object().into_iter().flatten() {
        let source = entry["source"]["path"].as_str().unwrap_or_default();
        if source == template {
            continue;
        }
        let kind = match entry["source"]["packaging"].as_str() {
            Some("zip") => AssetKind::Directory,
            Some("file") | None => AssetKind::File,
            Some(other) => {
                return Err(malformed(format!("the packaging `{other}` of {source} is not known")));
            }
        };
        let path = inside(directory, source)
            .ok_or_else(|| malformed(format!("{source} lies outside the directory")))?;
        for destination in entry["destinations"].as_object().into_iter().flatten().map(|(_, value)| value) {
            let text = |key: &str| destination[key].as_str().unwrap_or_default().to_owned();
            assets.push(FileAsset {
                hash: hash.clone(),
                bucket: text("bucketName"),
                object_key: text("objectKey"),
                path: path.clone(),
                content: None,
                kind,
            });
        }
    }
    Ok(assets)
}

/// Returns the path that a manifest contains, or `None` if it is outside of the directory of the assembly.
fn inside(directory: &Path, relative: &str) -> Option<PathBuf> {
    use std::path::Component::Normal;
    let path = Path::new(relative);
    path.components().all(|component| matches!(component, Normal(_))).then(|| directory.join(path))
}

fn read_text(path: &Path) -> Result<String, AssemblyError> {
    fs::read_to_string(path).map_err(|error| AssemblyError::Io { path: path.to_owned(), error })
}

fn read_json(path: &Path) -> Result<JsonValue, AssemblyError> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|error| AssemblyError::Json { path: path.to_owned(), error })
}

fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("every key is text");
    text.push('\n');
    text
}
