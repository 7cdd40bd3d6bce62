//! The wire between host and guest agent: one JSON object per line.
//!
//! Requests arrive on one port and responses leave on another. Treat every line from the host as hostile until
//! [`request::parse`] has returned a [`Request`]. Its value is within all limits, and so is the memory that parsing takes.
//!
//! [`request`] and [`response`] declare every message once, as a type whose fields name their [`codec`]. The parser, the
//! JSON Schema ([`schema`]), the document ([`document`]) and the [`examples`] come from that declaration.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod codec;
pub mod document;
pub mod environment;
pub mod error;
pub mod examples;
mod json;
pub mod limits;
pub mod lines;
pub mod message;
pub mod packages;
pub mod path;
pub mod request;
pub mod response;
pub mod schema;
pub mod types;

pub use error::{Error, ErrorType};
pub use path::HomePath;
pub use request::Request;
pub use response::Response;
pub use types::{FileKind, Language, Stream, Warmth};

/// Version of the wire. Guest and host use the lower one of their two versions.
pub const PROTOCOL: u64 = 1;
