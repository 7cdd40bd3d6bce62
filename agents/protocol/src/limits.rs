//! Limits of the wire. The agent enforces them, and a host may rely on them.

use std::time::Duration;

/// A limit, as the document and the schema show it.
#[derive(Debug)]
pub struct Limit {
    /// The name in the schema.
    pub name: &'static str,
    /// The quantity that is limited, and its unit.
    pub what: &'static str,
    /// The largest value.
    pub value: u64,
}

/// Declares constants, and their list for the document and the schema.
macro_rules! limits {
    ($($(#[doc = $what:literal])+ $name:ident: $type:ty = $value:expr, $key:literal;)+) => {
        $($(#[doc = $what])+ pub const $name: $type = $value;)+

        /// Returns all limits.
        pub fn all() -> Vec<Limit> {
            vec![$(Limit {
                name: $key,
                what: concat!($($what),+).trim_ascii_start(),
                value: $value as u64,
            }),+]
        }
    };
}

limits! {
    /// Length of a request, bytes without the newline.
    REQUEST: usize = 16 << 20, "request";
    /// Nesting of objects and lists in a request.
    NESTING: usize = 64, "nesting";
    /// Length of an `op_id`, bytes.
    OP_ID: usize = 128, "op_id";
    /// Length of code, bytes.
    CODE: usize = 1 << 20, "code";
    /// Timeout, seconds.
    TIMEOUT: u64 = 300, "timeout";
    /// Time between SIGTERM and SIGKILL after a timeout, milliseconds.
    GRACE_MS: u64 = 5000, "grace";
    /// Environment variables of a request.
    VARIABLES: usize = 100, "variables";
    /// Name of a variable, characters.
    VARIABLE_NAME: usize = 256, "variable_name";
    /// Value of a variable, characters.
    VARIABLE_VALUE: usize = 4096, "variable_value";
    /// Standard output of a program, bytes.
    STDOUT: usize = 1_000_000, "stdout";
    /// Standard error of a program, bytes.
    STDERR: usize = 100_000, "stderr";
    /// Output in one response, bytes.
    CHUNK: usize = 64 << 10, "chunk";
    /// Longest time that the agent collects output before it sends a response, milliseconds.
    FLUSH_MS: u64 = 50, "flush";
    /// Standard input that a program has not read yet, bytes.
    STDIN: usize = 1 << 20, "stdin";
    /// Lines of a terminal, and characters of a line.
    TERMINAL: u64 = 1000, "terminal";
    /// Programs that run at the same time for requests with an `op_id`.
    PROGRAMS: usize = 8, "programs";
    /// Files that a host writes at the same time, and likewise files that it reads.
    FILES: usize = 8, "files";
    /// Directories that the agent deletes at the same time.
    REMOVALS: usize = 8, "removals";
    /// Requests without an `op_id` that wait for earlier ones.
    WAITING: usize = 16, "waiting";
    /// Packages of a request.
    PACKAGES: usize = 50, "packages";
    /// Specification of a package, bytes.
    PACKAGE: usize = 2048, "package";
    /// Name of a package, characters.
    PACKAGE_NAME: usize = 214, "package_name";
    /// Version of a package, characters.
    PACKAGE_VERSION: usize = 128, "package_version";
    /// Content of a file, bytes.
    FILE: u64 = 500 << 20, "file";
    /// Content of a file in one response, bytes.
    FILE_CHUNK: usize = 128 << 10, "file_chunk";
    /// Length of a path, bytes.
    PATH: usize = 4096, "path";
    /// Length of a file name, bytes.
    NAME: usize = 255, "name";
    /// Listing of a directory, bytes: 64 for each entry, and twice its name.
    LISTING: usize = 384 << 10, "listing";
    /// Window of a zstd frame, bytes. RFC 8878 recommends supporting this size.
    WINDOW: u64 = 8 << 20, "window";
    /// Windows of all zstd frames that a host sends at the same time, bytes.
    WINDOWS: u64 = 16 << 20, "windows";
    /// Data for the random pool in one request, bytes.
    SEED: usize = 4096, "seed";
}

/// Longest time that the agent collects output before it sends a response.
pub const FLUSH: Duration = Duration::from_millis(FLUSH_MS);

/// Time between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_millis(GRACE_MS);
