//! What a host is told at the end of code, whether a process of its own ran it or an interpreter that stays.

use std::time::{Duration, Instant};

use protocol::response::Complete;
use protocol::{Error, ErrorType, Response};

/// When things happened to code.
pub struct Times {
    /// It was its turn.
    pub begun: Instant,
    /// A process was there for it.
    pub started: Instant,
    /// It ended.
    pub ended: Instant,
    /// All that it printed was read.
    pub done: Instant,
}

/// Returns the response to code that has ended by itself.
pub fn complete(exit_code: u64, times: &Times) -> Response {
    Complete {
        exit_code,
        execution_time_ms: milliseconds(times.done - times.begun),
        spawn_ms: milliseconds(times.started - times.begun),
        process_ms: milliseconds(times.ended - times.started),
    }
    .into()
}

/// Returns the error of code whose time is over.
pub fn timeout(limit: Option<Duration>) -> Error {
    let seconds = limit.unwrap_or_default().as_secs();
    let message = format!("it ran longer than {seconds} s");
    Error::new(ErrorType::Timeout, message)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
