//! The actions of IAM policies: which actions exist, and which of them support resource-level permissions.

use std::io::Read;
use std::sync::OnceLock;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/iam_actions.bin"));

/// Returns each line contains a service and its actions in lower case. An action without resource-level permissions ends in `!`.
fn lines() -> &'static [&'static str] {
    static TEXT: OnceLock<String> = OnceLock::new();
    static LINES: OnceLock<Vec<&'static str>> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let mut text = String::new();
        flate2::read::DeflateDecoder::new(PACKED)
            .read_to_string(&mut text)
            .expect("the build script packed this");
        text
    });
    LINES.get_or_init(|| text.lines().collect())
}

/// Whether an action such as `s3:GetObject` supports resource-level permissions. For a name with `*` or `?`, the value is about
/// all actions that the name matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The service is not in the data.
    UnknownService,
    /// The service is known, and no action of it has the name.
    Unknown,
    /// No action that the name matches supports resource-level permissions: they can only be allowed on all
    /// resources.
    WithoutResource,
    /// At least one action that the name matches supports resource-level permissions.
    OfResource,
}

/// Returns whether an action supports resource-level permissions. Letter case is ignored.
///
/// ```
/// use stackwright_schemas::iam::{Action, action};
/// assert_eq!(action("s3:GetObject"), Action::OfResource);
/// assert_eq!(action("kms:CreateKey"), Action::WithoutResource);
/// assert_eq!(action("s3:GetObjects"), Action::Unknown);
/// assert_eq!(action("no-such-service:Get"), Action::UnknownService);
/// ```
pub fn action(name: &str) -> Action {
    let name = name.to_ascii_lowercase();
    let Some((service, operation)) = name.split_once(':') else { return Action::UnknownService };
    let key = |line: &&'static str| line.split(' ').next().unwrap_or_default();
    let Ok(at) = lines().binary_search_by(|line| key(line).cmp(service)) else {
        return Action::UnknownService;
    };
    let mut found = Action::Unknown;
    for known in lines()[at].split(' ').skip(1) {
        let (plain, is_open) = known.strip_suffix('!').map_or((known, false), |plain| (plain, true));
        if matches(operation.as_bytes(), plain.as_bytes()) {
            if !is_open {
                return Action::OfResource;
            }
            found = Action::WithoutResource;
        }
    }
    found
}

/// Returns the names of the actions of a service without its prefix, in lower case: `getobject` for `s3`. `service` is the prefix
/// in lower case; there are no actions for an unknown service.
pub fn actions(service: &str) -> impl Iterator<Item = &'static str> {
    let line = lines().iter().find(|line| line.split(' ').next() == Some(service));
    line.into_iter().flat_map(|line| line.split(' ').skip(1)).map(|name| name.trim_end_matches('!'))
}

/// Returns whether a pattern with `*` and `?` matches a name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[position] => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((back, start)) = star else { return false };
                star = Some((back, start + 1));
                at = back + 1;
                position = start + 1;
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_wildcards_match() {
        assert_eq!(action("s3:Get*"), Action::OfResource);
        assert_eq!(action("s3:*Nothing*"), Action::Unknown);
        assert!(matches(b"a*c?e", b"abbcde") && !matches(b"a*c", b"abd") && matches(b"*", b""));
        assert!(actions("sagemaker").any(|name| name == "createtrainingjob"));
    }
}
