//! Container images: AWS's own by family and version, or any in Amazon ECR.

use stackwright_schemas::images::{self, NoImage};
use stackwright_synth::intrinsic::{partition, region, url_suffix};
use stackwright_synth::{CallerLocation, IntoValue, Mapping, Scope, Value, sub};

pub use stackwright_schemas::images::Processor;

/// An image, found in the region that the stack is deployed into.
///
/// ```
/// use stackwright_stacks::{Image, Processor};
///
/// Image::pytorch_inference("2.6.0", Processor::Cpu);
/// ```
#[derive(Clone, Debug)]
pub struct Image(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Aws { family: &'static str, version: String, processor: Processor, source: CallerLocation },
    Own { uri: Value<String>, repository_arn: Value<String> },
}

/// What an image comes to in one stack.
pub(crate) struct Resolved {
    pub uri: Value<String>,
    pub repository_arn: Value<String>,
}

impl Image {
    /// AWS's deep learning container for inference with PyTorch.
    #[track_caller]
    pub fn pytorch_inference(version: impl Into<String>, processor: Processor) -> Self {
        Self::aws("pytorch-inference", version, processor)
    }

    /// AWS's deep learning container for training with PyTorch on GPUs.
    #[track_caller]
    pub fn pytorch_training(version: impl Into<String>) -> Self {
        Self::aws("pytorch-training", version, Processor::Gpu)
    }

    /// AWS's container for training with SageMaker model parallel, by the version of PyTorch.
    #[track_caller]
    pub fn model_parallel(pytorch_version: impl Into<String>) -> Self {
        Self::aws("smp", pytorch_version, Processor::Gpu)
    }

    /// NVIDIA Triton in AWS's build for SageMaker.
    #[track_caller]
    pub fn triton(version: impl Into<String>, processor: Processor) -> Self {
        Self::aws("tritonserver", version, processor)
    }

    /// An image of a family in the image table, such as `djl-lmi`.
    #[track_caller]
    pub fn aws(family: &'static str, version: impl Into<String>, processor: Processor) -> Self {
        let source = std::panic::Location::caller();
        Self(Kind::Aws { family, version: version.into(), processor, source })
    }

    /// An image in your own Amazon ECR repository, with the repository's ARN: the role may pull from it alone.
    #[track_caller]
    pub fn ecr(uri: impl IntoValue<String>, repository_arn: impl IntoValue<String>) -> Self {
        Self(Kind::Own {
            uri: uri.into().with_caller_location(),
            repository_arn: repository_arn.into().with_caller_location(),
        })
    }

    /// The same image, said at another line.
    pub(crate) fn with_location(mut self, line: CallerLocation) -> Self {
        if let Kind::Aws { source, .. } = &mut self.0 {
            *source = line;
        }
        self
    }

    /// The image in the scope's stack. A stack without a region gets a mapping from regions to accounts.
    pub(crate) fn resolve(self, scope: &mut Scope<'_>) -> Resolved {
        let (family, version, processor, source) = match self.0 {
            Kind::Own { uri, repository_arn } => return Resolved { uri, repository_arn },
            Kind::Aws { family, version, processor, source } => (family, version, processor, source),
        };
        let unresolved = || Resolved { uri: "".into(), repository_arn: "".into() };
        let image = match images::image(family, &version, processor) {
            Ok(image) => image,
            Err(why) => {
                let (message, help) = explain(family, &version, why);
                scope.error("unknown-image", message, help, Some(source));
                return unresolved();
            }
        };
        let account: Value<String> = match scope.environment().region {
            Some(bound) => match image.accounts.get(bound.as_str()) {
                Some(account) => (*account).into(),
                None => {
                    let known: Vec<_> = image.accounts.keys().copied().collect();
                    scope.error(
                        "unknown-image",
                        format!("{family} {version} is not known to be in {bound}"),
                        format!(
                            "it is in {}; or copy it into your own repository and use `Image::ecr`",
                            known.join(", ")
                        ),
                        Some(source),
                    );
                    return unresolved();
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
        let region: Value<String> = scope.environment().region.map_or_else(region, Into::into);
        Resolved {
            uri: sub!(
                "{}.dkr.ecr.{}.{}/{}:{}",
                &account,
                &region,
                url_suffix(),
                &image.repository,
                image.tag
            )
            .with_location(Some(source)),
            repository_arn: sub!(
                "arn:{}:ecr:{}:{}:repository/{}",
                partition(),
                region,
                account,
                image.repository
            ),
        }
    }
}

fn explain(family: &str, version: &str, why: NoImage) -> (String, String) {
    match why {
        NoImage::Family(known) => {
            (format!("there is no image family {family}"), format!("known families: {}", known.join(", ")))
        }
        NoImage::Version(known) => (
            format!("{family} has no version {version} in the image table"),
            format!("the newest are {}; `Image::ecr` takes any other", known.join(", ")),
        ),
        NoImage::Processor => (
            format!("{family} is not built for that processor"),
            "take the other one, or another family".into(),
        ),
        NoImage::Tag(field) => (
            format!("the tag of {family} {version} needs `{field}`, which the image table does not have"),
            "give the whole URI with `Image::ecr`".into(),
        ),
        other => (format!("{family} {version} cannot be resolved: {other:?}"), "use `Image::ecr`".into()),
    }
}
