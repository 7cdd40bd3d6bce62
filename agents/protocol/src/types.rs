//! Types that requests and responses share. This module depends on nothing.

/// Declares an enum whose variants have names on the wire; a variant's documentation is its meaning for hosts.
macro_rules! words {
    (
        $(#[doc = $what:literal])+
        $name:ident { $($(#[doc = $meaning:literal])+ $variant:ident = $word:literal,)+ }
    ) => {
        $(#[doc = $what])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $meaning])+ $variant,)+ }

        impl $name {
            /// Returns the name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::types::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                $name::name(self)
            }

            fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim_ascii_start(),)+ }
            }
        }
    };
}
pub(crate) use words;

/// An enum whose variants have names on the wire.
pub trait Word: Copy + PartialEq + std::fmt::Debug + 'static {
    /// All variants.
    const ALL: &'static [Self];

    /// Returns the name on the wire.
    fn name(self) -> &'static str;

    /// Returns the meaning, for hosts.
    fn meaning(self) -> &'static str;
}

words! {
    /// The interpreter that runs code.
    Language {
        /// CPython.
        Python = "python",
        /// Node.js.
        JavaScript = "javascript",
        /// A shell.
        Raw = "raw",
    }
}

words! {
    /// An output of a program.
    Stream {
        /// Standard output, or the output of a terminal.
        Stdout = "stdout",
        /// Standard error.
        Stderr = "stderr",
    }
}

words! {
    /// The result of starting an interpreter before there is code for it.
    Warmth {
        /// The interpreter is ready for code.
        Ok = "ok",
        /// The interpreter could not start, or did not answer.
        Error = "error",
    }
}

words! {
    /// The kind of a directory entry.
    FileKind {
        /// A regular file.
        File = "file",
        /// A directory.
        Directory = "directory",
        /// A symbolic link.
        Symlink = "symlink",
        /// A device, a pipe or a socket.
        Other = "other",
    }
}

words! {
    /// The kind of an error. It tells a host what to do next.
    ErrorType {
        /// A field is missing, has the wrong type or exceeds a limit.
        Validation = "validation_error",
        /// The code is blank, contains a zero byte or exceeds its limit.
        Code = "code_error",
        /// An environment variable is blocked, malformed or exceeds a limit.
        EnvVar = "env_var_error",
        /// The agent could not start the program.
        Execution = "execution_error",
        /// The program ran longer than its timeout.
        Timeout = "timeout_error",
        /// The line is not a request, or the agent cannot accept the request now.
        Request = "request_error",
        /// A file operation in the guest failed.
        Io = "io_error",
        /// A path leaves the home directory or is malformed.
        Path = "path_error",
        /// A package specification is malformed, or the image has no installer for it.
        Package = "package_error",
        /// The request does not match the requests before it, or its data is damaged.
        Protocol = "protocol_error",
        /// The program wrote more than the limit.
        OutputLimit = "output_limit_error",
        /// The program was started without `stdin`.
        StdinNotRequested = "stdin_not_requested_error",
        /// The program's standard input is closed: the host sent `eof`, or the program closed it or ended.
        StdinClosed = "stdin_closed_error",
        /// The buffer for the program's standard input is full. Send the same data again later.
        StdinFull = "stdin_full_error",
    }
}
