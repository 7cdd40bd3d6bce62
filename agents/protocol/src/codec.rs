//! The forms of fields on the wire.
//!
//! A codec is a type without a value. It determines a field's type in Rust, reads or writes the field, and provides its
//! JSON Schema, its text in `protocol.md`, and examples for tests.

mod bytes;
mod number;
mod object;
mod text;

use std::marker::PhantomData;

use serde_json::{json, Value};

use crate::error::{Error, ErrorType};
use crate::json::{self, Failure, NotText};

pub use bytes::{AnyBytes, Bytes};
pub use number::{AnyNumber, Flag, Integer, Number, Seconds};
pub use object::{List, Object};
pub use text::{Code, Line, OneOf, Text};

/// Values for tests.
#[derive(Debug, Default)]
pub struct Examples {
    /// Valid values, the smallest one first.
    pub good: Vec<Value>,
    /// Invalid values.
    pub bad: Vec<Value>,
}

/// Describes the values of a field.
pub trait Codec {
    /// The type of the field in Rust.
    type Value;

    /// Whether the field is required. In a request `null` counts as absent.
    const REQUIRED: bool = true;

    /// Returns the JSON Schema of a value.
    fn schema() -> Value;

    /// Returns a description of the values, for people.
    fn summary() -> String;

    /// Returns valid and invalid values.
    fn examples() -> Examples;
}

/// Reads a field of a request.
pub trait Read: Codec {
    /// Parses a value from its JSON text.
    ///
    /// # Errors
    ///
    /// The value has another type or exceeds a limit.
    fn read(raw: &str) -> Result<Self::Value, Error>;

    /// Returns the default of an optional field.
    fn absent() -> Option<Self::Value> {
        None
    }
}

/// Writes a field of a response.
pub trait Write: Codec {
    /// Appends a value to a line.
    fn write(value: &Self::Value, line: &mut Vec<u8>);

    /// Returns whether the line omits the field.
    fn is_absent(_: &Self::Value) -> bool {
        false
    }

    /// Returns a value for tests; with `full` a large one, and never an absent one.
    fn sample(full: bool) -> Self::Value;
}

/// Creates the error for a value of another type.
pub(crate) fn wrong_type(expected: &str, raw: &str) -> Error {
    Error::value(format!("is not {expected}, but {}", json::type_name(raw)))
}

fn not_text(why: NotText, raw: &str) -> Error {
    match why {
        NotText::Type(_) => wrong_type("a string", raw),
        NotText::Surrogate | NotText::Stopped => Error::value("contains half of a character"),
    }
}

/// Reads a string of at most `most` bytes. For a longer one it returns an error of the kind `longer`.
pub(crate) fn read_text(raw: &str, most: usize, longer: ErrorType) -> Result<String, Error> {
    json::text(raw, most).map_err(|why| match why {
        Some(why) => not_text(why, raw),
        None => Error::new(longer, format!("is longer than {most} bytes")),
    })
}

/// Creates the error for an object or a list that could not be read.
pub(crate) fn not_elements(failure: Failure, expected: &str, raw: &str) -> Error {
    match failure {
        Failure::Element(error) => error,
        Failure::Type => wrong_type(expected, raw),
        Failure::Syntax(message) => Error::value(message),
    }
}

/// Returns values that are not strings.
pub(crate) fn not_strings() -> Vec<Value> {
    vec![json!(1), json!(true), json!(["x"]), json!({})]
}

fn write_json(value: &(impl serde::Serialize + ?Sized), line: &mut Vec<u8>) {
    // Writing to memory does not fail, and every string and number can be serialized.
    let _ = serde_json::to_writer(line, value);
}

/// A field that may be absent.
pub struct Maybe<C>(PhantomData<C>);

impl<C: Codec> Codec for Maybe<C> {
    type Value = Option<C::Value>;

    const REQUIRED: bool = false;

    fn schema() -> Value {
        C::schema()
    }

    fn summary() -> String {
        C::summary()
    }

    fn examples() -> Examples {
        C::examples()
    }
}

impl<C: Read> Read for Maybe<C> {
    fn read(raw: &str) -> Result<Self::Value, Error> {
        C::read(raw).map(Some)
    }

    fn absent() -> Option<Self::Value> {
        Some(None)
    }
}

impl<C: Write> Write for Maybe<C> {
    fn write(value: &Self::Value, line: &mut Vec<u8>) {
        if let Some(value) = value {
            C::write(value, line);
        }
    }

    fn is_absent(value: &Self::Value) -> bool {
        value.is_none()
    }

    fn sample(full: bool) -> Self::Value {
        full.then(|| C::sample(true))
    }
}
