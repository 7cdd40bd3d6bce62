//! The wire between host and guest agent: one JSON object per line.
//!
//! Requests come on one port and answers go out on another. Every line from the other side is hostile until
//! [`request::parse`] has made a [`request::Request`] of it: what that returns is within all limits.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod answer;
pub mod environment;
pub mod error;
mod fields;
pub mod limits;
pub mod lines;
pub mod request;

pub use answer::Answer;
pub use error::{Error, ErrorType};
pub use request::Request;
