//! Container images: AWS's own by family and version, or any in Amazon ECR.

use stackwright_resources::ecr::RepositoryHandle;
use stackwright_schemas::images::{self, NoImage};
use stackwright_schemas::{nearest, regions};
use stackwright_synth::intrinsic::{account_id, partition, region, url_suffix};
use stackwright_synth::{CallerLocation, IntoValue, Mapping, Partition, Scope, Value, sub};

pub use stackwright_schemas::images::Processor;

/// A container image: an image of AWS, given by its family and version, from the registry of AWS in the stack's region; or
/// an image in another registry, given by its URI.
///
/// Images of AWS come from the image table of this library. A family, version, processor or region that the table does not
/// have is an error at the line that created the image. The role of the container may pull the image.
///
/// ```
/// use stackwright_stacks::{ContainerImage, Mirror, Processor};
///
/// ContainerImage::pytorch_inference("2.6.0", Processor::Cpu);
/// ContainerImage::aws("xgboost-training", "1.7-1", Processor::Cpu);
/// // A custom image, and AWS's image from a copy in the account.
/// ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/scorers:3");
/// ContainerImage::pytorch_inference("2.6.0", Processor::Gpu).mirrored(Mirror::new().prefix("dlc/"));
/// // Other images of AWS.
/// ContainerImage::pytorch_training("2.6.0");
/// ContainerImage::model_parallel("2.3.1");
/// ContainerImage::triton("25.09", Processor::Gpu);
/// ContainerImage::tensorflow_inference("2.19.0", Processor::Cpu);
/// ContainerImage::huggingface_inference("4.51.3", Processor::Gpu);
/// ContainerImage::text_embeddings("1.8.2", Processor::Gpu);
/// ContainerImage::vllm("0.11.0");
/// ContainerImage::sglang("0.5.5");
/// ContainerImage::xgboost("1.7-1");
/// ContainerImage::sklearn("1.2-1");
/// // An image of a registry outside of Amazon ECR, which the instances reach through a VPC.
/// ContainerImage::from_private_registry("registry.example.com/scorers:3");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ContainerImage(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Aws { family: &'static str, version: String, processor: Target, source: CallerLocation },
    Own { uri: Value<String>, repository_arn: Value<String> },
    Mirrored { original: Box<Kind>, mirror: Mirror },
    Private { uri: Value<String>, credentials: Option<Value<String>> },
}

/// The processor that an image of AWS is needed for.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// This processor.
    Given(Processor),
    /// The processor of the instances on which the image runs, or this processor if their type is not known during
    /// synthesis.
    OfInstances { otherwise: Option<Processor> },
}

/// The location of copies of AWS images: repositories with the same names and a prefix, in a registry of Amazon ECR, for
/// [`ContainerImage::mirrored`].
///
/// ```
/// use stackwright_stacks::Mirror;
///
/// Mirror::new().account("123456789012").region("eu-central-1").prefix("dlc/");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Mirror {
    account: Option<Value<String>>,
    region: Option<Value<String>>,
    prefix: String,
}

impl Mirror {
    /// Creates a location in the account and region of the stack, whose repositories have the names of those of AWS.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the account of the registry, by its ID of 12 digits. The default is the account of the stack.
    #[track_caller]
    pub fn account(mut self, id: impl IntoValue<String>) -> Self {
        self.account = Some(id.into().with_caller_location());
        self
    }

    /// Sets the region of the registry, such as `eu-central-1`. The default is the region of the stack.
    #[track_caller]
    pub fn region(mut self, name: impl IntoValue<String>) -> Self {
        self.region = Some(name.into().with_caller_location());
        self
    }

    /// Sets the prefix of the names of the repositories, such as `dlc/` for a pull through cache of Amazon ECR with this
    /// prefix. By default, there is none.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }
}

/// An image as it is resolved for one stack.
pub(crate) struct Resolved {
    pub uri: Value<String>,
    /// The ARN of the repository in Amazon ECR; none for an image of another registry.
    pub repository_arn: Option<Value<String>>,
    /// For an image of another registry: the ARN of the function that returns the credentials, if the registry needs
    /// them.
    pub private: Option<Option<Value<String>>>,
}

impl Resolved {
    fn of_ecr(uri: Value<String>, repository_arn: Value<String>) -> Self {
        Self { uri, repository_arn: Some(repository_arn), private: None }
    }

    fn unresolved() -> Self {
        Self::of_ecr("".into(), "".into())
    }
}

impl ContainerImage {
    /// Returns AWS's deep learning container for inference with PyTorch, by the version of PyTorch, such as `2.6.0`.
    #[track_caller]
    pub fn pytorch_inference(version: impl Into<String>, processor: Processor) -> Self {
        Self::aws("pytorch-inference", version, processor)
    }

    /// Returns AWS's deep learning container for training with PyTorch on GPUs, by the version of PyTorch, such as `2.6.0`.
    #[track_caller]
    pub fn pytorch_training(version: impl Into<String>) -> Self {
        Self::aws("pytorch-training", version, Processor::Gpu)
    }

    /// Returns AWS's container for training with the SageMaker model parallelism library (SMP), by the version of PyTorch, such
    /// as `2.3.1`.
    #[track_caller]
    pub fn model_parallel(pytorch_version: impl Into<String>) -> Self {
        Self::aws("smp", pytorch_version, Processor::Gpu)
    }

    /// Returns AWS's container with NVIDIA Triton Inference Server, by the version of the image, such as `25.09`.
    #[track_caller]
    pub fn triton(version: impl Into<String>, processor: Processor) -> Self {
        Self::aws("tritonserver", version, processor)
    }

    /// Returns an image of AWS by its family in the image table, such as `djl-lmi`, its version, such as `0.33.0`, and its
    /// processor.
    #[track_caller]
    pub fn aws(family: &'static str, version: impl Into<String>, processor: Processor) -> Self {
        let source = std::panic::Location::caller();
        Self(Kind::Aws { family, version: version.into(), processor: Target::Given(processor), source })
    }

    /// Returns an image of AWS by its family in the image table and its version, for the processor of the instances that it
    /// runs on: GPUs, Trainium or Inferentia, Graviton, or others. Endpoints, components and jobs whose instance type is a
    /// literal determine the processor, and a serverless endpoint uses the image for CPUs. Everywhere else, it is an error at
    /// the caller's line: use [`aws`](Self::aws) there.
    ///
    /// ```
    /// use stackwright_stacks::ContainerImage;
    /// use stackwright_stacks::container::Container;
    /// use stackwright_stacks::endpoint::Variant;
    ///
    /// let container = Container::new(ContainerImage::for_instances("pytorch-inference", "2.4.0"));
    /// // The image for GPUs, and the one for Graviton.
    /// [Variant::new("Gpu", container.clone(), "ml.g5.xlarge"), Variant::new("Arm", container, "ml.c7g.xlarge")];
    /// ```
    #[track_caller]
    pub fn for_instances(family: &'static str, version: impl Into<String>) -> Self {
        let source = std::panic::Location::caller();
        let processor = Target::OfInstances { otherwise: None };
        Self(Kind::Aws { family, version: version.into(), processor, source })
    }

    /// The same image, for GPUs if the instance type is not known.
    #[track_caller]
    pub(crate) fn for_instances_or_gpus(family: &'static str, version: impl Into<String>) -> Self {
        let source = std::panic::Location::caller();
        let processor = Target::OfInstances { otherwise: Some(Processor::Gpu) };
        Self(Kind::Aws { family, version: version.into(), processor, source })
    }

    /// Returns the same image for the processor of its instances, unless the program chose the processor.
    pub(crate) fn on(self, processor: Option<Processor>) -> Self {
        fn on(kind: Kind, known: Processor) -> Kind {
            match kind {
                Kind::Aws { family, version, processor: Target::OfInstances { .. }, source } => {
                    let family = images::family_for(family, known);
                    Kind::Aws { family, version, processor: Target::Given(known), source }
                }
                Kind::Mirrored { original, mirror } => {
                    Kind::Mirrored { original: Box::new(on(*original, known)), mirror }
                }
                other => other,
            }
        }
        match processor {
            Some(known) => Self(on(self.0, known)),
            None => self,
        }
    }

    /// Returns AWS's deep learning container for inference with TensorFlow, by the version of TensorFlow, such as `2.19.0`.
    #[track_caller]
    pub fn tensorflow_inference(version: impl Into<String>, processor: Processor) -> Self {
        Self::aws("tensorflow-inference", version, processor)
    }

    /// Returns AWS's Hugging Face container for inference with PyTorch, by the version of the library Transformers, such as
    /// `4.51.3`.
    #[track_caller]
    pub fn huggingface_inference(transformers: impl Into<String>, processor: Processor) -> Self {
        Self::aws("huggingface-pytorch-inference", transformers, processor)
    }

    /// Returns AWS's container with Hugging Face Text Embeddings Inference (TEI), by the version of TEI, such as `1.8.2`.
    #[track_caller]
    pub fn text_embeddings(version: impl Into<String>, processor: Processor) -> Self {
        let family = if processor == Processor::Cpu { "huggingface-tei-cpu" } else { "huggingface-tei" };
        Self::aws(family, version, processor)
    }

    /// Returns AWS's deep learning container with vLLM for GPUs, by the version of vLLM, such as `0.11.0`.
    #[track_caller]
    pub fn vllm(version: impl Into<String>) -> Self {
        Self::aws("vllm", version, Processor::Gpu)
    }

    /// Returns AWS's deep learning container with SGLang for GPUs, by the version of SGLang, such as `0.5.5`.
    #[track_caller]
    pub fn sglang(version: impl Into<String>) -> Self {
        Self::aws("sglang", version, Processor::Gpu)
    }

    /// Returns SageMaker's container for training and inference with XGBoost on CPUs, by the version of the image, such as
    /// `1.7-1`.
    #[track_caller]
    pub fn xgboost(version: impl Into<String>) -> Self {
        Self::aws("xgboost-training", version, Processor::Cpu)
    }

    /// Returns SageMaker's container for training and inference with scikit-learn on CPUs, by the version of the image, such as
    /// `1.2-1`.
    #[track_caller]
    pub fn sklearn(version: impl Into<String>) -> Self {
        Self::aws("sklearn-training", version, Processor::Cpu)
    }

    /// Refers to an image in Amazon ECR by its URI, `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG` or
    /// `…/REPOSITORY@sha256:DIGEST`. The role may pull from that repository only.
    ///
    /// Another URI, or one that is resolved only during deployment, is an error at the caller's line: use
    /// [`from_private_registry`](Self::from_private_registry) for another registry, and [`ecr`](Self::ecr) for a parameter.
    #[track_caller]
    pub fn from_uri(uri: impl IntoValue<String>) -> Self {
        let uri = uri.into().with_caller_location();
        let parsed = crate::arn::known(&uri).map(EcrUri::parse);
        match parsed {
            Some(Ok(parsed)) => {
                let repository_arn = parsed.repository_arn().into();
                Self(Kind::Own { uri, repository_arn })
            }
            Some(Err(message)) => {
                let help = "use `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`, or `ContainerImage::from_private_registry`";
                let uri = Value::invalid("invalid-image-uri", message, help);
                Self(Kind::Own { repository_arn: uri.clone(), uri })
            }
            None => {
                let message = "the repository of the image is not known before the stack is deployed";
                let help =
                    "also pass the ARN of the repository, with `ContainerImage::ecr(uri, repository_arn)`";
                let uri = Value::invalid("invalid-image-uri", message, help);
                Self(Kind::Own { repository_arn: uri.clone(), uri })
            }
        }
    }

    /// Refers to an image in an `AWS::ECR::Repository` of the app, by its tag, such as `3`. The role may pull from that
    /// repository only.
    ///
    /// ```
    /// use stackwright_resources::ecr;
    /// use stackwright_stacks::ContainerImage;
    /// # use stackwright_synth::App;
    ///
    /// # let app = App::new("vision");
    /// # let stack = app.stack("Serving").region("us-east-1");
    /// let repository = stack.add("Images", ecr::Repository::new());
    /// ContainerImage::in_repository(&repository, "3");
    /// ```
    #[track_caller]
    pub fn in_repository(repository: &RepositoryHandle, tag: impl IntoValue<String>) -> Self {
        let tag = tag.into().with_caller_location();
        let uri = sub!("{}:{}", repository.repository_uri(), &tag).with_location(tag.location());
        Self(Kind::Own { uri, repository_arn: repository.arn() })
    }

    /// Refers to an image in Amazon ECR by its URI and the ARN of its repository. Both may be resolved during deployment. The
    /// role may pull from that repository only. An ARN of another service is an error at the caller's line.
    #[track_caller]
    pub fn ecr(uri: impl IntoValue<String>, repository_arn: impl IntoValue<String>) -> Self {
        let example = "arn:aws:ecr:us-east-1:123456789012:repository/scorers";
        Self(Kind::Own {
            uri: uri.into().with_caller_location(),
            repository_arn: crate::arn::checked(repository_arn, "ecr", example),
        })
    }

    /// Refers to an image of a Docker registry outside of Amazon ECR that is reached through a VPC, by its URI, such as
    /// `registry.example.com/scorers:3`. The model or job that uses the image has to be connected to the VPC. SageMaker
    /// supports such images for models, processing jobs and training jobs.
    #[track_caller]
    pub fn from_private_registry(uri: impl IntoValue<String>) -> Self {
        Self(Kind::Private { uri: uri.into().with_caller_location(), credentials: None })
    }

    /// Sets the Lambda function that returns the credentials of a private registry, by its ARN (`RepositoryAuthConfig`). The
    /// role may invoke the function. By default, the registry is used without credentials. The call has no effect on an image
    /// in Amazon ECR. An ARN of another service is an error at the caller's line.
    #[track_caller]
    pub fn registry_credentials(mut self, function_arn: impl IntoValue<String>) -> Self {
        let example = "arn:aws:lambda:us-east-1:123456789012:function:registry";
        let arn = crate::arn::checked(function_arn, "lambda", example);
        if let Kind::Private { credentials, .. } = &mut self.0 {
            *credentials = Some(arn);
        }
        self
    }

    /// Returns an image of AWS, pulled from a copy in another registry of Amazon ECR, for accounts without access to the
    /// registries of AWS. An image that is given by its URI does not change.
    pub fn mirrored(self, mirror: Mirror) -> Self {
        Self(Kind::Mirrored { original: Box::new(self.0), mirror })
    }

    /// Returns the same image, with another line as the caller's location.
    pub(crate) fn with_location(mut self, line: CallerLocation) -> Self {
        if let Kind::Aws { source, .. } = &mut self.0 {
            *source = line;
        }
        self
    }

    /// The image in the scope's stack. A stack without a region gets a mapping from regions to accounts.
    pub(crate) fn resolve(self, scope: &mut Scope<'_>) -> Resolved {
        match self.0 {
            Kind::Own { uri, repository_arn } => Resolved::of_ecr(uri, repository_arn),
            Kind::Private { uri, credentials } => {
                Resolved { uri, repository_arn: None, private: Some(credentials) }
            }
            Kind::Mirrored { original, mirror } => match *original {
                Kind::Aws { family, version, processor, source } => {
                    let Some(image) = listed(family, &version, processor, source, scope) else {
                        return Resolved::unresolved();
                    };
                    let name = format!("{}{}", mirror.prefix, image.repository);
                    let account = mirror.account.unwrap_or_else(account_id);
                    let region = mirror.region.unwrap_or_else(|| own_region(scope));
                    in_registry(&account, &region, &name, &image.tag, source)
                }
                // An image in the user's own registry is used by its URI.
                own => Self(own).resolve(scope),
            },
            Kind::Aws { family, version, processor, source } => {
                of_aws(family, &version, processor, source, scope)
            }
        }
    }
}

/// The image in the table; if the table does not contain it, an error at the line that set it is reported.
fn listed(
    family: &str,
    version: &str,
    target: Target,
    source: CallerLocation,
    scope: &Scope<'_>,
) -> Option<images::Image> {
    let (Target::Given(processor) | Target::OfInstances { otherwise: Some(processor) }) = target else {
        scope.error(
            "image-without-processor",
            format!("the processor for which the image {family} {version} is needed is not known"),
            "use `ContainerImage::aws` with a processor, or an instance type that is known during synthesis"
                .into(),
            Some(source),
        );
        return None;
    };
    match images::image(family, version, processor) {
        Ok(image) => Some(image),
        Err(why) => {
            let (message, help) = explain(family, version, why);
            scope.error("unknown-image", message, help, Some(source));
            None
        }
    }
}

/// The region that the stack is bound to, or the one that it is deployed into.
fn own_region(scope: &Scope<'_>) -> Value<String> {
    scope.environment().region.map_or_else(region, Into::into)
}

/// An image of Amazon ECR by the parts of its URI.
fn in_registry(
    account: &Value<String>,
    region: &Value<String>,
    repository: &str,
    tag: &str,
    source: CallerLocation,
) -> Resolved {
    let uri = sub!("{}.dkr.ecr.{}.{}/{}:{}", account, region, url_suffix(), repository, tag);
    let arn = sub!("arn:{}:ecr:{}:{}:repository/{}", partition(), region, account, repository);
    Resolved::of_ecr(uri.with_location(Some(source)), arn)
}

/// An AWS image in the scope's stack.
fn of_aws(
    family: &str,
    version: &str,
    processor: Target,
    source: CallerLocation,
    scope: &mut Scope<'_>,
) -> Resolved {
    let Some(image) = listed(family, version, processor, source, scope) else {
        return Resolved::unresolved();
    };
    let account: Value<String> = match scope.environment().region {
        Some(bound) => match image.accounts.get(bound.as_str()) {
            Some(account) => (*account).into(),
            None => {
                scope.error(
                    "unknown-image",
                    format!(
                        "{family} {version} is not available in {bound}, as far as the image table shows"
                    ),
                    other_regions(&bound, image.accounts.keys().copied()),
                    Some(source),
                );
                return Resolved::unresolved();
            }
        },
        None => {
            let table = image
                .accounts
                .iter()
                .fold(Mapping::new(), |table, (region, account)| table.set(*region, "Account", *account));
            scope.add("Registry", table).find(region(), "Account")
        }
    };
    in_registry(&account, &own_region(scope), &image.repository, &image.tag, source)
}

/// The parts of the URI of an image in Amazon ECR.
struct EcrUri<'u> {
    account: &'u str,
    region: &'u str,
    repository: &'u str,
}

impl<'u> EcrUri<'u> {
    /// Parses `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`, or with `@sha256:DIGEST`.
    fn parse(uri: &'u str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{uri}` is not the URI of an image in Amazon ECR: {why}");
        if uri.contains("://") {
            return Err(wrong("it starts with a scheme"));
        }
        let (host, path) = uri.split_once('/').ok_or_else(|| wrong("it does not contain a registry"))?;
        let parts: Vec<&str> = host.splitn(5, '.').collect();
        let [account, "dkr", service, region, suffix] = parts.as_slice() else {
            return Err(wrong(&format!("`{host}` is not a registry of Amazon ECR")));
        };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if !is_account || !["ecr", "ecr-fips"].contains(service) {
            return Err(wrong(&format!("`{host}` is not a registry of Amazon ECR")));
        }
        let expected = Partition::of_region(region).dns_suffix();
        if *suffix != expected {
            return Err(wrong(&format!("registries of {region} end in `{expected}`, not in `{suffix}`")));
        }
        let name = path.split_once('@').map_or(path, |(name, _)| name);
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        if repository.is_empty() || !repository.chars().all(legal) {
            return Err(wrong(&format!("`{repository}` is not the name of a repository")));
        }
        if tag.is_empty() {
            return Err(wrong("its tag is empty"));
        }
        Ok(Self { account, region, repository })
    }

    fn repository_arn(&self) -> String {
        let partition = Partition::of_region(self.region);
        format!("arn:{partition}:ecr:{}:{}:repository/{}", self.region, self.account, self.repository)
    }
}

/// Suggests regions for an image that a region does not have: the region that was meant, or others of the same area.
fn other_regions<'r>(region: &str, with_image: impl Iterator<Item = &'r str> + Clone) -> String {
    const SHOWN: usize = 5;
    if !regions::is_known(region)
        && let Some(similar) = nearest(region, with_image.clone())
    {
        return format!("`{region}` is not a known region; the most similar region is `{similar}`");
    }
    let of_area: Vec<_> =
        with_image.filter(|one| one.split('-').next() == region.split('-').next()).take(SHOWN).collect();
    let copy = "copy the image into your own repository and use `ContainerImage::ecr`";
    match of_area.is_empty() {
        true => copy.to_owned(),
        false => format!("use another region, such as {}, or {copy}", of_area.join(", ")),
    }
}

fn explain(family: &str, version: &str, why: NoImage) -> (String, String) {
    match why {
        NoImage::Family(known) => (
            format!("the image family {family} does not exist"),
            format!("the families are {}", known.join(", ")),
        ),
        NoImage::Version(known) => (
            format!("{family} has no version {version} in the image table"),
            format!(
                "use one of the newest, {}, or `ContainerImage::ecr` for another image",
                known.join(", ")
            ),
        ),
        NoImage::Processor => (
            format!("{family} is not available for that processor"),
            "use the other processor, or another family".into(),
        ),
        NoImage::Tag(field) => (
            format!("the tag of {family} {version} needs `{field}`, which the image table does not have"),
            "pass the complete URI to `ContainerImage::ecr`".into(),
        ),
        other => {
            (format!("{family} {version} cannot be resolved: {other:?}"), "use `ContainerImage::ecr`".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_region_or_a_few_others_are_suggested() {
        let with_image = || ["eu-central-1", "eu-west-1", "us-east-1"].into_iter();
        assert_eq!(
            other_regions("us-esat-1", with_image()),
            "`us-esat-1` is not a known region; the most similar region is `us-east-1`"
        );
        assert!(
            other_regions("eu-south-2", with_image())
                .starts_with("use another region, such as eu-central-1, eu-west-1,")
        );
        assert!(other_regions("cn-north-1", with_image()).starts_with("copy the image"));
    }

    #[test]
    fn the_uri_of_an_image_is_taken_apart() {
        fn arn(uri: &str) -> Result<String, String> {
            EcrUri::parse(uri).map(|parsed| parsed.repository_arn())
        }
        let expected = "arn:aws:ecr:us-east-1:123456789012:repository/team/scorers";
        for tag in ["", ":3", "@sha256:0123", ":3@sha256:0123"] {
            let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/scorers{tag}");
            assert_eq!(arn(&uri).unwrap(), expected);
        }
        assert!(
            arn("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a").unwrap().starts_with("arn:aws-cn:")
        );
        for wrong in [
            "scorers",
            "docker.io/library/nginx:1",
            "https://1.dkr.ecr.a.b/c",
            "12.dkr.ecr.us-east-1.amazonaws.com/a",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com/a",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn/a",
        ] {
            assert!(arn(wrong).is_err(), "{wrong}");
        }
    }
}
