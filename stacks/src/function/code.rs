//! The code of a function: a `.zip` archive with a runtime, or a container image.

use stackwright_resources::lambda::Function;
use stackwright_resources::lambda::function::{self, PackageType};
use stackwright_schemas::lifecycle::{READ, Runtime as Facts, runtimes};
use stackwright_synth::{Asset, CallerLocation, IntoValue, Scope, Value};

use crate::arn::known;
use crate::image::ContainerImage;

/// A runtime of AWS Lambda, such as `python3.13`. A string converts into a runtime by its identifier.
///
/// ```
/// use stackwright_stacks::function::Runtime;
///
/// // The newest one of Python in the data of this library, and one by its identifier.
/// [Runtime::python(), Runtime::named("nodejs24.x")];
/// [Runtime::nodejs(), Runtime::provided()];
/// ```
#[derive(Clone, Debug)]
pub struct Runtime(Value<function::Runtime>);

impl Runtime {
    /// Returns the runtime with this identifier, such as `python3.13`. An identifier that is not known, or a runtime with which
    /// AWS Lambda no longer accepts new functions, is an error at the caller's line. The dates are in
    /// `schemas/facts/lambda_runtimes.json`.
    #[track_caller]
    pub fn named(name: &str) -> Self {
        let family: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
        let usable: Vec<&str> = supported(&family).map(|one| one.name.as_str()).collect();
        let others = || match usable.is_empty() {
            true => "use a runtime such as `python3.13`, `nodejs24.x` or `provided.al2023`".to_owned(),
            false => format!("the supported runtimes of {family} are {}", usable.join(", ")),
        };
        let Some(facts) = runtimes().iter().find(|one| one.name == name) else {
            let message = format!("`{name}` is not a known runtime of AWS Lambda (as of {READ})");
            return Self(Value::invalid("unknown-runtime", message, others()));
        };
        if let Some(date) = facts.block_create.filter(|date| *date <= READ) {
            let message = format!("AWS Lambda has not accepted new functions with `{name}` since {date}");
            return Self(Value::invalid("ended-runtime", message, others()));
        }
        let name: Value<String> = name.into();
        Self(name.cast().with_caller_location())
    }

    /// Returns the newest supported runtime of Python in the data of this library, so that a newer release of the library may
    /// change the runtime.
    #[track_caller]
    pub fn python() -> Self {
        Self::newest("python")
    }

    /// Returns the newest supported runtime of Node.js in the data of this library, so that a newer release of the library may
    /// change the runtime.
    #[track_caller]
    pub fn nodejs() -> Self {
        Self::newest("nodejs")
    }

    /// Returns the newest supported OS-only runtime, such as `provided.al2023`, for compiled programs: the archive has an
    /// executable file `bootstrap`.
    #[track_caller]
    pub fn provided() -> Self {
        Self::newest("provided")
    }

    #[track_caller]
    fn newest(family: &str) -> Self {
        let newest = supported(family).max_by_key(|one| one.deprecated);
        Self::named(newest.map_or(family, |one| one.name.as_str()))
    }
}

/// The runtimes of a language that get updates on the date of the data.
fn supported(family: &str) -> impl Iterator<Item = &'static Facts> {
    let of_family = move |one: &&Facts| {
        one.name.strip_prefix(family).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    let is_supported = |one: &&Facts| one.deprecated.is_none_or(|date| date > READ);
    runtimes().iter().filter(of_family).filter(is_supported)
}

/// Converts the identifier of a runtime: see [`Runtime::named`].
impl From<&str> for Runtime {
    #[track_caller]
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// The code of a function.
#[derive(Clone, Debug)]
pub(super) enum Code {
    Zip { directory: Asset, runtime: Runtime, handler: Value<String> },
    Image { image: ContainerImage, source: CallerLocation },
}

impl Code {
    /// Returns the function with its code and its role.
    pub fn put(self, role_arn: &Value<String>, scope: &mut Scope<'_>) -> Function {
        match self {
            Self::Zip { directory, runtime, handler } => {
                let is_archive = directory.path().is_some_and(std::path::Path::is_file);
                let code = match is_archive {
                    true => scope.add("Code", directory),
                    false => scope.add("Code", directory.zipped()),
                };
                let location = function::Code::new().s3_bucket(code.bucket()).s3_key(code.key());
                Function::new().code(location).role(role_arn).runtime(runtime.0).handler(handler)
            }
            Self::Image { image, source } => {
                let uri = image.resolve(scope).uri;
                if known(&uri).is_some_and(|uri| !uri.contains("@sha256:")) {
                    scope.error(
                        "image-without-digest",
                        "the image of the function is named by a tag, so that another image under the same tag is \
                         never deployed"
                            .into(),
                        "name it by its digest: `REPOSITORY@sha256:…`, as `docker push` prints it".into(),
                        Some(source),
                    );
                }
                let code = function::Code::new().image_uri(uri);
                Function::new().code(code).role(role_arn).package_type(PackageType::Image)
            }
        }
    }
}

/// A handler, `FILE.FUNCTION`.
#[track_caller]
pub(super) fn handler(handler: impl IntoValue<String>) -> Value<String> {
    handler.into().with_caller_location()
}
