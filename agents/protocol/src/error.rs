//! Errors that end a request, never the agent.

use std::fmt;

pub use crate::types::ErrorType;

/// The reason for the failure of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind.
    pub kind: ErrorType,
    /// The reason, for people.
    pub message: String,
}

impl Error {
    /// Creates an error.
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }

    /// Creates a validation error without the name of the field; [`Error::of_field`] adds it.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Validation, message)
    }

    /// Prefixes the message with the name of the field.
    pub(crate) fn of_field(mut self, name: &str) -> Self {
        self.message.insert_str(0, &format!("{name}: "));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Error {}
