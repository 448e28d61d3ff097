//! Types and macros that generated code uses.

pub use stackwright_synth::{
    Expression, Handle, IntoValue, Json, Literal, Map, Properties, Resource, StringEnum, TypedResource, Value,
};

/// A tag of a resource: the pair of key and value that all services share.
///
/// ```
/// stackwright_resources::Tag::new("team", "search");
/// ```
#[derive(Clone, Debug)]
pub struct Tag(Properties);

impl Tag {
    /// Creates a tag. A key has 1 to 128 characters and does not start with `aws:`; a value has at most 256.
    #[track_caller]
    pub fn new(key: impl Into<Value<String>>, value: impl Into<Value<String>>) -> Self {
        let mut this = Self(Properties::default());
        this.0.put("Key", key.into());
        this.0.put("Value", value.into());
        this
    }
}

impl Literal for Tag {
    fn into_expression(self) -> Expression {
        self.0.into_expression()
    }
}

/// Defines an enumeration of strings that also accepts values that are newer than the data.
macro_rules! string_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $value, "`")] $variant,)*
            /// A value that is not in the data, because AWS added it later.
            Unlisted(String),
        }

        impl $crate::support::Literal for $name {
            fn into_expression(self) -> $crate::support::Expression {
                $crate::support::Literal::into_expression(match self {
                    $(Self::$variant => $value.to_owned(),)*
                    Self::Unlisted(value) => value,
                })
            }
        }

        impl $crate::support::StringEnum for $name {}
    };
}
pub(crate) use string_enum;

/// Makes a typed handle usable as an untyped one.
macro_rules! handle {
    ($name:ident) => {
        impl From<$crate::support::Handle> for $name {
            fn from(handle: $crate::support::Handle) -> Self {
                Self(handle)
            }
        }

        impl std::ops::Deref for $name {
            type Target = $crate::support::Handle;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    };
}
pub(crate) use handle;
