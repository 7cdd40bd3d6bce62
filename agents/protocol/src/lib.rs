//! The wire between host and guest agent: one JSON object per line.
//!
//! Requests come on one port and answers go out on another. Every line from the other side is hostile until
//! [`request::parse`] has made a [`request::Request`] of it: what that returns is within all limits.
//!
//! [`declaration`] says what there is; the parser checks by it, and [`schema`] and [`table`] tell hosts.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod answer;
pub mod base64;
pub mod declaration;
pub mod environment;
pub mod error;
pub mod examples;
mod fields;
pub mod limits;
pub mod lines;
pub mod packages;
pub mod path;
pub mod request;
pub mod schema;
pub mod table;

pub use answer::Answer;
pub use error::{Error, ErrorType};
pub use path::HomePath;
pub use request::Request;

/// Version of the wire. A guest and a host speak the lower one of theirs.
pub const PROTOCOL: u64 = 1;
