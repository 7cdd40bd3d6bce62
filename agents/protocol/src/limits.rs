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

/// Most bytes of a file that is written or read.
pub const FILE: u64 = 500 << 20;

/// Most bytes of a file in one answer.
pub const FILE_CHUNK: usize = 128 << 10;

/// Longest path, in bytes.
pub const PATH: usize = 4096;

/// Longest name of a file, in bytes.
pub const NAME: usize = 255;

/// Most bytes that the names of one folder's entries have together, as far as they go into one answer.
pub const LISTING: usize = 384 << 10;

/// Most packages of one request.
pub const PACKAGES: usize = 50;

/// Longest name of a package.
pub const PACKAGE_NAME: usize = 214;

/// Longest version of a package.
pub const PACKAGE_VERSION: usize = 128;

/// Most bytes that wait for a program to read them.
pub const STDIN: usize = 1 << 20;

/// Most lines of a terminal, and most characters of a line.
pub const TERMINAL: u64 = 1000;

/// Most bytes for the random pool in one request.
pub const SEED: usize = 4096;

/// Largest window of a zstd frame: what RFC 8878 recommends to support.
pub const WINDOW: u64 = 8 << 20;

/// A limit, for people and hosts.
#[derive(Debug)]
pub struct Limit {
    /// Its name in the schema.
    pub name: &'static str,
    /// What it limits.
    pub what: &'static str,
    /// The most that there may be of it.
    pub value: u64,
}

const fn limit(name: &'static str, what: &'static str, value: u64) -> Limit {
    Limit { name, what, value }
}

/// All that a host may want to know.
pub static ALL: &[Limit] = &[
    limit("request", "request, bytes", REQUEST as u64),
    limit("op_id", "op_id, bytes", OP_ID as u64),
    limit("code", "code, bytes", CODE as u64),
    limit("timeout", "timeout, seconds", TIMEOUT),
    limit(
        "grace",
        "between SIGTERM and SIGKILL after a timeout, milliseconds",
        GRACE.as_millis() as u64,
    ),
    limit("variables", "variables", VARIABLES as u64),
    limit(
        "variable_name",
        "name of a variable, characters",
        VARIABLE_NAME as u64,
    ),
    limit(
        "variable_value",
        "value of a variable, characters",
        VARIABLE_VALUE as u64,
    ),
    limit("stdout", "stdout, bytes", STDOUT as u64),
    limit("stderr", "stderr, bytes", STDERR as u64),
    limit("chunk", "chunk of output, bytes", CHUNK as u64),
    limit(
        "flush",
        "output waits for more, milliseconds",
        FLUSH.as_millis() as u64,
    ),
    limit("stdin", "input that waits, bytes", STDIN as u64),
    limit(
        "terminal",
        "lines of a terminal, characters of a line",
        TERMINAL,
    ),
    limit("packages", "packages", PACKAGES as u64),
    limit("package_name", "name of a package", PACKAGE_NAME as u64),
    limit(
        "package_version",
        "version of a package",
        PACKAGE_VERSION as u64,
    ),
    limit("file", "file, bytes", FILE),
    limit(
        "file_chunk",
        "piece of a file in an answer, bytes",
        FILE_CHUNK as u64,
    ),
    limit("path", "path, bytes", PATH as u64),
    limit("name", "name of a file, bytes", NAME as u64),
    limit(
        "listing",
        "names of one folder together, bytes",
        LISTING as u64,
    ),
    limit("window", "window of a zstd frame, bytes", WINDOW),
    limit("seed", "bytes for the random pool", SEED as u64),
];
