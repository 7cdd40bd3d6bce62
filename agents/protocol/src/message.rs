//! Declarations of messages. Parser, schema, document and examples come from the one declaration of a message.

use serde_json::Value;

use crate::codec::{Codec, Examples, Read};
use crate::error::Error;
use crate::json::{self, Failure};

/// A field, as the document and the schema show it.
#[derive(Debug)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// Whether every message has the field.
    pub required: bool,
    /// The meaning, for hosts.
    pub what: &'static str,
    /// The JSON Schema of its values.
    pub schema: Value,
    /// A description of its values.
    pub summary: String,
    /// Valid and invalid values.
    pub examples: Examples,
}

impl Field {
    /// Describes a field of a codec.
    pub fn of<C: Codec>(name: &'static str, what: &'static str) -> Self {
        Self {
            name,
            required: C::REQUIRED,
            what: what.trim_ascii_start(),
            schema: C::schema(),
            summary: C::summary(),
            examples: C::examples(),
        }
    }

    /// Returns the name, with a question mark if the field may be absent.
    pub fn label(&self) -> String {
        format!("{}{}", self.name, if self.required { "" } else { "?" })
    }
}

/// A request or a response, as the document and the schema show it.
#[derive(Debug)]
pub struct Message {
    /// The action of a request, or the type of a response.
    pub name: &'static str,
    /// The meaning, for hosts.
    pub what: &'static str,
    /// The fields, without `action` or `type`.
    pub fields: Vec<Field>,
    /// The responses to a request of which there may be any number.
    pub many: &'static [&'static str],
    /// The last response to a request, if there is one.
    pub last: Option<&'static str>,
}

/// A type with fields.
pub trait Structure {
    /// Describes the fields.
    fn fields() -> Vec<Field>;
}

/// A type that is read from an object.
pub trait ReadFields: Structure + Sized {
    /// The names of the fields.
    const NAMES: &'static [&'static str];

    /// Reads the fields.
    ///
    /// # Errors
    ///
    /// A field is missing, has the wrong type or exceeds a limit.
    fn read_fields(fields: &Fields<'_>) -> Result<Self, Error>;
}

/// A type that is written as an object.
pub trait WriteFields: Structure {
    /// Appends the fields to a line, without the braces.
    fn write_fields(&self, line: &mut Vec<u8>);

    /// Returns a value for tests; with `full` it has all fields.
    fn sample(full: bool) -> Self;
}

/// The known fields of an object, unparsed. Unknown fields are skipped. If a name occurs twice, the last one counts.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Fields<'a> {
    /// Collects the fields whose names are known.
    pub(crate) fn collect(text: &'a [u8], names: &[&[&'static str]]) -> Result<Self, Failure> {
        let mut fields: Vec<(&'static str, &'a str)> = Vec::new();
        json::entries(text, |key, value| {
            if let Some(name) = known(key, names) {
                fields.retain(|(other, _)| *other != name);
                fields.push((name, value));
            }
            Ok(())
        })?;
        // Hosts in some languages send null for a field that is absent.
        fields.retain(|(_, value)| *value != "null");
        Ok(Self(fields))
    }

    /// Returns a field, unparsed.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, raw)| *raw)
    }

    /// Reads a field.
    pub(crate) fn read<C: Read>(&self, name: &str) -> Result<C::Value, Error> {
        let value = match self.raw(name) {
            Some(raw) => C::read(raw),
            None => C::absent().ok_or_else(|| Error::value("is missing")),
        };
        value.map_err(|error| error.of_field(name))
    }
}

/// Returns the known name that a key denotes.
fn known(key: &str, names: &[&[&'static str]]) -> Option<&'static str> {
    const LONGEST: usize = 32;
    let find = |key: &str| {
        names
            .iter()
            .copied()
            .flatten()
            .copied()
            .find(|name| *name == key)
    };
    if key.contains('\\') {
        return find(&json::text(key, LONGEST).ok()?);
    }
    find(key.strip_prefix('"')?.strip_suffix('"')?)
}

/// Declares a type whose fields have codecs.
macro_rules! structure {
    ($(#[doc = $what:literal])+ $name:ident {
        $($(#[doc = $about:literal])+ $field:ident: $codec:ty,)*
    }) => {
        $(#[doc = $what])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $about])+ pub $field: <$codec as $crate::codec::Codec>::Value,)*
        }

        impl $crate::message::Structure for $name {
            fn fields() -> Vec<$crate::message::Field> {
                vec![$($crate::message::Field::of::<$codec>(
                    stringify!($field),
                    concat!($($about),+),
                )),*]
            }
        }
    };
}
pub(crate) use structure;

/// Implements [`ReadFields`] for a type.
macro_rules! read_fields {
    ($name:ident { $($field:ident: $codec:ty,)* }) => {
        impl $crate::message::ReadFields for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read_fields(_fields: &$crate::message::Fields<'_>) -> Result<Self, $crate::Error> {
                Ok(Self { $($field: _fields.read::<$codec>(stringify!($field))?,)* })
            }
        }
    };
}
pub(crate) use read_fields;

/// Implements [`WriteFields`] for a type.
macro_rules! write_fields {
    ($name:ident { $($field:ident: $codec:ty,)* }) => {
        impl $crate::message::WriteFields for $name {
            fn write_fields(&self, line: &mut Vec<u8>) {
                $(if !<$codec as $crate::codec::Write>::is_absent(&self.$field) {
                    $crate::message::write_name(stringify!($field), line);
                    <$codec as $crate::codec::Write>::write(&self.$field, line);
                })*
            }

            fn sample(full: bool) -> Self {
                Self { $($field: <$codec as $crate::codec::Write>::sample(full),)* }
            }
        }
    };
}
pub(crate) use write_fields;

/// Appends the name of a field to an unfinished object.
pub(crate) fn write_name(name: &str, line: &mut Vec<u8>) {
    if !line.ends_with(b"{") {
        line.push(b',');
    }
    line.push(b'"');
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}
