//! The last response for code, with or without a session.

use std::time::{Duration, Instant};

use protocol::response::Complete;
use protocol::{Error, ErrorType, Response};

/// Times of the stages of code.
pub struct Times {
    /// The agent began to handle the request.
    pub begun: Instant,
    /// The process or the interpreter was ready.
    pub started: Instant,
    /// The code ended.
    pub ended: Instant,
    /// The agent had read all output.
    pub done: Instant,
}

/// Returns the response for code that has ended by itself.
pub fn complete(exit_code: u64, times: &Times) -> Response {
    Complete {
        exit_code,
        execution_time_ms: milliseconds(times.done - times.begun),
        spawn_ms: milliseconds(times.started - times.begun),
        process_ms: milliseconds(times.ended - times.started),
    }
    .into()
}

/// Returns the error for code that exceeded its time limit.
pub fn timeout(limit: Option<Duration>) -> Error {
    let seconds = limit.unwrap_or_default().as_secs();
    let message = format!("the code ran longer than {seconds} s");
    Error::new(ErrorType::Timeout, message)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
