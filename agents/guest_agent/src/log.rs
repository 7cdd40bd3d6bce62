//! The agent's log: standard error, which is the console.

use std::fmt;
use std::io::Write;

/// Logs one line; `format!`'s syntax, no newline.
///
/// Unlike `eprintln!` it does not panic when the console is gone, and it writes the line in one piece.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => {
        $crate::write_log(::core::format_args!($($argument)*))
    };
}

/// Writes one line of the log; called by [`log!`].
#[doc(hidden)]
pub fn write_log(line: fmt::Arguments<'_>) {
    let line = format!("[guest-agent] {line}\n");
    // Nobody could be told of a failure.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
