//! Limits of the wire. A host may count on them, a guest enforces them.

use std::time::Duration;

/// Longest request, its newline not counted.
pub const REQUEST: usize = 16 << 20;

/// Longest `op_id`.
pub const OP_ID: usize = 128;

/// Longest code, in bytes.
pub const CODE: usize = 1 << 20;

/// Longest time that code may run, in seconds.
pub const TIMEOUT: u64 = 300;

/// Most environment variables.
pub const VARIABLES: usize = 100;

/// Longest name of a variable, in characters.
pub const VARIABLE_NAME: usize = 256;

/// Longest value of a variable, in characters.
pub const VARIABLE_VALUE: usize = 4096;

/// Most bytes of standard output that one request may produce.
pub const STDOUT: usize = 1_000_000;

/// Most bytes of standard error that one request may produce.
pub const STDERR: usize = 100_000;

/// Most bytes of output in one answer.
pub const CHUNK: usize = 64 << 10;

/// Longest time that output waits for more to go with it.
pub const FLUSH: Duration = Duration::from_millis(50);

/// Time between the polite signal and the other one.
pub const GRACE: Duration = Duration::from_secs(5);
