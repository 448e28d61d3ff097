//! AWS's container images for SageMaker: repositories, versions, and the registry account of each region.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::api::embedded;

#[derive(Deserialize)]
struct Family {
    aliases: BTreeMap<String, String>,
    processors: Vec<Processor>,
    registries: BTreeMap<String, String>,
    repository: String,
    tag: String,
    versions: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    container_version: Value,
    #[serde(default)]
    py_versions: Vec<String>,
    #[serde(default)]
    tag_prefix: String,
    #[serde(default)]
    not_in: Vec<String>,
}

/// The processor that an image is built for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Processor {
    /// Instances without accelerators, and serverless endpoints.
    Cpu,
    /// NVIDIA GPUs.
    Gpu,
    /// AWS Graviton: instances with ARM processors and without accelerators.
    Graviton,
    /// AWS Trainium and Inferentia.
    Neuron,
}

impl Processor {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Graviton => "graviton",
            Self::Neuron => "neuron",
        }
    }

    /// Returns the hardware in words, such as `NVIDIA GPUs`.
    pub fn hardware(self) -> &'static str {
        match self {
            Self::Cpu => "x86 CPUs without accelerators",
            Self::Gpu => "NVIDIA GPUs",
            Self::Graviton => "Graviton CPUs",
            Self::Neuron => "Trainium or Inferentia",
        }
    }

    /// Returns the processor that images for an instance type, such as `ml.g5.2xlarge`, are built for; `None` if that
    /// is not known.
    ///
    /// ```
    /// use stackwright_schemas::images::Processor;
    ///
    /// assert_eq!(Processor::of_instance_type("ml.g5.2xlarge"), Some(Processor::Gpu));
    /// ```
    pub fn of_instance_type(name: &str) -> Option<Self> {
        let family = name.strip_prefix("ml.").unwrap_or(name).split('.').next()?;
        if ["inf", "trn"].iter().any(|accelerator| family.starts_with(accelerator)) {
            return Some(Self::Neuron);
        }
        let facts = crate::instances::instance(name)?;
        if facts.accelerators().is_some_and(|facts| facts.cuda_compute_capability.is_some()) {
            return Some(Self::Gpu);
        }
        if facts.accelerators().is_some() {
            return None;
        }
        // In `c7g`, `m6gd` and `r8g`, the letter of Graviton follows the number of the generation.
        let is_graviton = family
            .trim_start_matches(|c: char| c.is_ascii_lowercase())
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .starts_with('g');
        Some(if is_graviton { Self::Graviton } else { Self::Cpu })
    }
}

/// The table of images, with the data of `image_uris.retrieve` of the SageMaker Python SDK.
#[derive(Deserialize)]
struct Retrieved {
    registries: Vec<BTreeMap<String, String>>,
    families: BTreeMap<String, RetrievedFamily>,
}

#[derive(Deserialize)]
struct RetrievedFamily {
    aliases: BTreeMap<String, String>,
    versions: BTreeMap<String, RetrievedVersion>,
}

#[derive(Deserialize)]
struct RetrievedVersion {
    registry: usize,
    cpu: Option<String>,
    gpu: Option<String>,
    graviton: Option<String>,
    neuron: Option<String>,
}

impl RetrievedVersion {
    fn image(&self, processor: Processor) -> Option<&str> {
        match processor {
            Processor::Cpu => self.cpu.as_deref(),
            Processor::Gpu => self.gpu.as_deref(),
            Processor::Graviton => self.graviton.as_deref(),
            Processor::Neuron => self.neuron.as_deref(),
        }
    }
}

impl RetrievedFamily {
    /// Resolves a version: an exact one, an alias, or a version of Transformers, for which it takes the newest base
    /// framework.
    fn version(&self, name: &str) -> Option<&RetrievedVersion> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        if let Some(version) = self.versions.get(name) {
            return Some(version);
        }
        let of_base = format!("{name}/");
        let bases = self.versions.iter().filter(|(known, _)| known.starts_with(&of_base));
        bases.max_by_key(|(known, _)| numbers(known)).map(|(_, version)| version)
    }
}

fn retrieved() -> &'static Retrieved {
    static RETRIEVED: OnceLock<Retrieved> = OnceLock::new();
    RETRIEVED.get_or_init(|| embedded(include_str!("../facts/image_uris.json")))
}

/// Returns an image of a family from the results of `image_uris.retrieve`.
fn of_retrieved(family: &RetrievedFamily, version: &str, processor: Processor) -> Result<Image, NoImage> {
    let Some(found) = family.version(version) else {
        let mut known: Vec<_> = family.versions.keys().cloned().collect();
        known.sort_by_key(|version| std::cmp::Reverse(numbers(version)));
        known.truncate(5);
        return Err(NoImage::Version(known));
    };
    let image = found.image(processor).ok_or(NoImage::Processor)?;
    let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    let registry = retrieved().registries.get(found.registry);
    let accounts =
        registry.into_iter().flatten().map(|(region, account)| (region.as_str(), account.as_str())).collect();
    Ok(Image { repository: repository.to_owned(), tag: tag.to_owned(), accounts })
}

/// Returns every image family that was read from a registry, as the name of the family, a version, and a processor for which
/// the version has an image. Families of the SageMaker Python SDK are not included.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, Processor)> {
    const PROCESSORS: [Processor; 4] =
        [Processor::Cpu, Processor::Gpu, Processor::Graviton, Processor::Neuron];
    retrieved().families.iter().flat_map(|(name, family)| {
        family.versions.iter().flat_map(move |(version, built)| {
            let processors = PROCESSORS.into_iter().filter(|processor| built.image(*processor).is_some());
            processors.map(move |processor| (name.as_str(), version.as_str(), processor))
        })
    })
}

/// Returns the family that has the images of a family for a processor: `pytorch-inference-graviton` for
/// `pytorch-inference` on Graviton. It is the family itself if there is no other.
///
/// ```
/// use stackwright_schemas::images::{Processor, family_for};
/// assert_eq!(
///     family_for("huggingface-pytorch-inference", Processor::Neuron),
///     "huggingface-pytorch-inference-neuronx"
/// );
/// assert_eq!(family_for("pytorch-inference", Processor::Gpu), "pytorch-inference");
/// ```
pub fn family_for(family: &'static str, processor: Processor) -> &'static str {
    let suffixes: &[&str] = match processor {
        Processor::Cpu | Processor::Gpu => &[],
        Processor::Graviton => &["-graviton"],
        Processor::Neuron => &["-neuronx", "-neuron"],
    };
    let known = |suffix: &&str| retrieved().families.get_key_value(&format!("{family}{suffix}"));
    suffixes.iter().find_map(known).map_or(family, |(name, _)| name.as_str())
}

/// Returns the processors that an image of AWS, or a copy of it under the same repository name and tag, is built for. The
/// list is empty for other images, and for images of AWS whose repository and tag do not show it.
///
/// ```
/// use stackwright_schemas::images::{Processor, built_for};
/// let registry = "763104351884.dkr.ecr.us-east-1.amazonaws.com";
/// assert_eq!(built_for(&format!("{registry}/pytorch-training:2.6.0-gpu-py312")), [Processor::Gpu]);
/// assert!(built_for("123456789012.dkr.ecr.us-east-1.amazonaws.com/scorers:3-gpu").is_empty());
/// ```
pub fn built_for(uri: &str) -> Vec<Processor> {
    let Some((repository, tag)) = uri.split_once('/').and_then(|(_, path)| path.rsplit_once(':')) else {
        return Vec::new();
    };
    // A copy may have a prefix before the name of the repository.
    let after_slashes = repository.match_indices('/').map(|(at, _)| &repository[at + 1..]);
    let names: Vec<&str> = std::iter::once(repository).chain(after_slashes).collect();
    let known = known_images();
    let of_tag = known.by_tag.get(tag).into_iter().flatten();
    let mut listed: Vec<Processor> =
        of_tag.filter(|(name, _)| names.contains(name)).map(|(_, processor)| *processor).collect();
    listed.dedup();
    if !listed.is_empty() {
        return listed;
    }
    let is_of_aws = names.iter().any(|name| known.repositories.contains(name));
    let has = |word: &str| tag.split('-').any(|part| part == word);
    match is_of_aws {
        true if tag.contains("neuron") => vec![Processor::Neuron],
        true if repository.ends_with("graviton") => vec![Processor::Graviton],
        true if has("gpu") => vec![Processor::Gpu],
        true if has("cpu") => vec![Processor::Cpu],
        _ => Vec::new(),
    }
}

/// The images that AWS has published, for searches by tag and by repository.
struct KnownImages {
    /// The repository and the processor of each image, by tag; the images for one processor follow each other.
    by_tag: HashMap<&'static str, Vec<(&'static str, Processor)>>,
    repositories: HashSet<&'static str>,
}

fn known_images() -> &'static KnownImages {
    static KNOWN: OnceLock<KnownImages> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut known = KnownImages { by_tag: HashMap::new(), repositories: HashSet::new() };
        known.repositories.extend(families().values().map(|family| family.repository.as_str()));
        for processor in [Processor::Cpu, Processor::Gpu, Processor::Graviton, Processor::Neuron] {
            let versions = retrieved().families.values().flat_map(|family| family.versions.values());
            for image in versions.filter_map(|version| version.image(processor)) {
                let (repository, tag) = image.rsplit_once(':').unwrap_or((image, ""));
                known.by_tag.entry(tag).or_default().push((repository, processor));
                known.repositories.insert(repository);
            }
        }
        known
    })
}

/// An image of AWS in Amazon ECR, without a region: its URI is
/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG` with the account of that region.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// The name of the repository, which is the same in every region.
    pub repository: String,
    /// The tag, such as `2.6.0-gpu-py312`.
    pub tag: String,
    /// The ID of the AWS account of the registry by region. The image is not available in other regions.
    pub accounts: BTreeMap<&'static str, &'static str>,
}

/// The reason why there is no such image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoImage {
    /// There is no family with this name. The variant contains the known names.
    Family(Vec<&'static str>),
    /// There is no such version. The variant contains the newest versions, newest first.
    Version(Vec<String>),
    /// The family has no image for this processor.
    Processor,
    /// The tag of the image contains a part that is not known for this version. The variant contains the name of the part.
    Tag(String),
}

fn families() -> &'static BTreeMap<String, Family> {
    static FAMILIES: OnceLock<BTreeMap<String, Family>> = OnceLock::new();
    FAMILIES.get_or_init(|| embedded(include_str!("../data/images.json")))
}

/// Returns the image of a family such as `pytorch-inference` in a version (`2.6.0`, or `2.6` for its newest patch).
/// For a Hugging Face family, the version is that of Transformers, which selects the newest base framework, or both:
/// `4.49.0/pytorch2.6.0`.
///
/// # Errors
/// Returns an error if the family, the version, or an image for the processor is not known.
pub fn image(family: &str, version: &str, processor: Processor) -> Result<Image, NoImage> {
    if let Some(family) = retrieved().families.get(family) {
        return of_retrieved(family, version, processor);
    }
    let Some(family) = families().get(family) else {
        let names = families().keys().chain(retrieved().families.keys()).map(String::as_str);
        return Err(NoImage::Family(names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()));
    };
    if !family.processors.contains(&processor) {
        return Err(NoImage::Processor);
    }
    // The tags of a family with its own versions, such as SageMaker model parallel, contain the version of the
    // framework too.
    let in_tag = version;
    let version = family.aliases.get(version).map_or(version, String::as_str);
    let in_tag = if in_tag.matches('.').count() == 2 { in_tag } else { version };
    let Some(fields) = family.versions.get(version) else {
        let mut known: Vec<_> = family.versions.keys().cloned().collect();
        known.sort_by_key(|version| std::cmp::Reverse(numbers(version)));
        known.truncate(5);
        return Err(NoImage::Version(known));
    };
    let processor_name = processor.name();
    let container_version = fields.container_version[processor_name].as_str().unwrap_or_default();
    let mut tag = family.tag.clone();
    for (field, value) in [
        ("{version}", in_tag),
        ("{processor}", processor_name),
        ("{py_version}", fields.py_versions.last().map_or("", String::as_str)),
        ("{tag_prefix}", &fields.tag_prefix),
        ("{container_version}", container_version),
        ("{cpu_suffix}", if processor == Processor::Cpu { "-cpu" } else { "" }),
        ("{cuda}", cuda(in_tag)),
    ] {
        if tag.contains(field) && value.is_empty() && field != "{cpu_suffix}" {
            return Err(NoImage::Tag(field.trim_matches(['{', '}']).to_owned()));
        }
        tag = tag.replace(field, value);
    }
    let accounts = family
        .registries
        .iter()
        .filter(|(region, _)| !fields.not_in.contains(region))
        .map(|(region, account)| (region.as_str(), account.as_str()))
        .collect();
    Ok(Image { repository: family.repository.clone(), tag, accounts })
}

/// Returns the CUDA part of the tag of a model parallel image. `image_uris` of version 2.257.7 of the SageMaker Python SDK
/// derives it from the version in the same way.
fn cuda(version: &str) -> &'static str {
    match numbers(version).as_slice() {
        [2, 1..=4, ..] => "cu121",
        [2, 5, ..] => "cu124",
        // For 2.0 it depends on the instance type. For newer versions, the SDK falls back to a tag that no
        // documentation confirms.
        _ => "",
    }
}

/// Returns the numbers in a version, to sort versions.
fn numbers(version: &str) -> Vec<u32> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_tags_as_the_sdk_does() {
        let tag = |family, version, processor| image(family, version, processor).map(|image| image.tag);
        assert_eq!(tag("pytorch-inference", "2.6.0", Processor::Cpu).unwrap(), "2.6.0-cpu-py312");
        assert_eq!(tag("pytorch-training", "2.8.0", Processor::Gpu).unwrap(), "2.8.0-gpu-py312");
        assert_eq!(
            tag("huggingface-pytorch-inference", "4.49.0", Processor::Gpu).unwrap(),
            "2.6.0-transformers4.49.0-gpu-py312-cu124-ubuntu22.04"
        );
        assert_eq!(tag("xgboost-training", "1.7-1", Processor::Cpu).unwrap(), "1.7-1");
        assert_eq!(tag("tritonserver", "25.09", Processor::Gpu).unwrap(), "25.09-py3");
        assert_eq!(tag("tritonserver", "25.09", Processor::Cpu).unwrap(), "25.09-py3-cpu");
        assert_eq!(tag("pytorch-training", "2.8", Processor::Gpu).unwrap(), "2.8.0-gpu-py312");
        assert_eq!(tag("smp", "2.3.1", Processor::Gpu).unwrap(), "2.3.1-gpu-py311-cu121");
        assert_eq!(tag("smp", "2.5.1", Processor::Gpu).unwrap(), "2.5.1-gpu-py311-cu124");
        assert_eq!(
            tag("huggingface-tgi", "3.3.6", Processor::Gpu).unwrap(),
            "2.7.0-tgi3.3.6-gpu-py311-cu124-ubuntu22.04"
        );
    }

    #[test]
    fn an_image_has_an_account_for_each_of_its_regions() {
        let image = image("pytorch-inference", "2.6.0", Processor::Cpu).unwrap();
        assert_eq!(image.accounts["us-east-1"], "763104351884");
        assert_eq!(image.accounts["ap-east-1"], "871362719292");
        assert!(!image.accounts.contains_key("us-iso-east-1"));
    }

    #[test]
    fn an_unknown_version_is_an_error_that_lists_known_versions() {
        let Err(NoImage::Version(known)) = image("pytorch-inference", "9.9", Processor::Cpu) else {
            panic!()
        };
        assert_eq!(known.first().map(String::as_str), Some("2.6.0"));
        assert_eq!(image("pytorch-training", "2.8.0", Processor::Neuron), Err(NoImage::Processor));
        let of = Processor::of_instance_type;
        assert_eq!(
            [of("ml.m5.xlarge"), of("ml.c7g.xlarge")],
            [Some(Processor::Cpu), Some(Processor::Graviton)]
        );
        assert_eq!(
            [of("ml.g5.xlarge"), of("ml.trn1.2xlarge")],
            [Some(Processor::Gpu), Some(Processor::Neuron)]
        );
        assert_eq!([of("ml.g4dn.xlarge"), of("ml.x9.huge")], [Some(Processor::Gpu), None]);
    }
}
