//! What can be wrong with a request.

use std::fmt;

/// Kinds of errors, as hosts know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// A field is missing, of the wrong type or beyond a limit.
    Validation,
    /// The code could not be started.
    Execution,
    /// It ran too long.
    Timeout,
    /// The line is no request at all, or one that cannot be taken now.
    Request,
    /// The guest's own files failed.
    Io,
    /// A path leaves the home, or is no path at all.
    Path,
    /// A package is not named as it has to be, or nothing here can install it.
    Package,
    /// A request that belongs to none before it.
    Protocol,
    /// It printed too much.
    OutputLimit,
}

impl ErrorType {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Validation,
        Self::Execution,
        Self::Timeout,
        Self::Request,
        Self::Io,
        Self::Path,
        Self::Package,
        Self::Protocol,
        Self::OutputLimit,
    ];

    /// Their names on the wire.
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// Says when it is answered, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Validation => "A field is missing, of the wrong type or beyond a limit.",
            Self::Execution => "The code could not be started.",
            Self::Timeout => "It ran too long.",
            Self::Request => "The line is no request at all, or one that cannot be taken now.",
            Self::Io => "The guest's own files failed.",
            Self::Path => "A path leaves the home, or is no path at all.",
            Self::Package => {
                "A package is not named as it has to be, or nothing here can install it."
            }
            Self::Protocol => "A request that belongs to none before it.",
            Self::OutputLimit => "It printed too much.",
        }
    }

    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation_error",
            Self::Execution => "execution_error",
            Self::Timeout => "timeout_error",
            Self::Request => "request_error",
            Self::Io => "io_error",
            Self::Path => "path_error",
            Self::Package => "package_error",
            Self::Protocol => "protocol_error",
            Self::OutputLimit => "output_limit_error",
        }
    }
}

/// An error: it ends its request, never the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What kind it is.
    pub kind: ErrorType,
    /// What was wrong, for people.
    pub message: String,
}

impl Error {
    /// Makes an error.
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Makes an error about one field of a request.
    pub fn field(name: &str, message: impl fmt::Display) -> Self {
        Self::new(ErrorType::Validation, format!("{name}: {message}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Error {}
