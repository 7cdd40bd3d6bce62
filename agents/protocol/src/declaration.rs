//! The wire, declared once: the parser checks requests by it, and schema and document are made of it.

use serde_json::Value;

use crate::error::{Error, ErrorType};
use crate::fields::{wrong, Fields};
use crate::limits;

/// What a field's value may be.
#[derive(Debug)]
pub enum Kind {
    /// Text of so many bytes.
    Text {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// One of some words.
    Word(&'static [&'static str]),
    /// A whole number.
    Number {
        /// The lowest.
        least: u64,
        /// The highest.
        most: u64,
    },
    /// A whole number that may be below zero.
    Integer,
    /// True or false; absent is false.
    Flag,
    /// Base64, padded, of so many bytes.
    Bytes {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A path below the home, as [`crate::path`] checks it; whether it may be the home itself.
    Path {
        /// Whether it may.
        home: bool,
    },
    /// Environment variables by their names, as [`crate::environment`] checks them.
    Variables,
    /// Packages with versions, as [`crate::packages`] checks them.
    Packages,
    /// An object.
    Object(&'static [Field]),
    /// A list of objects. Answers alone have one.
    List(&'static [Field]),
}

/// A field of a request or of an answer.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Whether it is always there.
    pub required: bool,
    /// What it is for.
    pub what: &'static str,
}

/// A request.
#[derive(Debug)]
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// Whether it needs an `op_id`; all others may have one.
    pub needs_op_id: bool,
    /// Its fields, besides `action` and `op_id`.
    pub fields: &'static [Field],
    /// Types of its answers: those of which there may be any number, and the last one.
    pub answers: (&'static [&'static str], Option<&'static str>),
    /// What it does.
    pub what: &'static str,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Its type.
    pub name: &'static str,
    /// Its fields, besides `type` and `op_id`.
    pub fields: &'static [Field],
    /// What it says.
    pub what: &'static str,
}

/// The name of a request, which all its answers repeat.
pub static OP_ID: Field = may(
    "op_id",
    Kind::Text {
        least: 1,
        most: limits::OP_ID,
    },
    "The request's own name, which all its answers repeat.",
);

const fn must(name: &'static str, kind: Kind, what: &'static str) -> Field {
    Field {
        name,
        kind,
        required: true,
        what,
    }
}

const fn may(name: &'static str, kind: Kind, what: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        what,
    }
}

const fn upto(most: usize) -> Kind {
    Kind::Text { least: 0, most }
}

const fn number(least: u64, most: u64) -> Kind {
    Kind::Number { least, most }
}

/// A number that has no limit but its type's.
const ANY: Kind = number(0, u64::MAX);

/// A text of an answer: only its line limits it.
const TEXT: Kind = upto(limits::REQUEST);

const LANGUAGE: Field = must(
    "language",
    Kind::Word(&["python", "javascript", "raw"]),
    "Whose interpreter or installer it is for; raw is a shell.",
);

const TIMEOUT: Field = may(
    "timeout",
    number(0, limits::TIMEOUT),
    "Seconds after which it is ended; 0 is none.",
);

const FILE: Field = must("path", Kind::Path { home: false }, "Where it is.");

const FOLDER: Field = may(
    "path",
    Kind::Path { home: true },
    "Where it is; the home if absent.",
);

const DATA: Kind = Kind::Bytes {
    least: 0,
    most: limits::REQUEST / 4 * 3,
};

const ROWS: Field = must("rows", number(1, limits::TERMINAL), "Its lines.");

const COLS: Field = must(
    "cols",
    number(1, limits::TERMINAL),
    "Characters of each line.",
);

const OUTPUT: &[&str] = &["stdout", "stderr"];

const fn action(
    name: &'static str,
    fields: &'static [Field],
    answer: &'static str,
    what: &'static str,
) -> Action {
    Action {
        name,
        needs_op_id: false,
        fields,
        answers: (&[], Some(answer)),
        what,
    }
}

/// An action that needs an `op_id`.
const fn named(action: Action) -> Action {
    Action {
        needs_op_id: true,
        ..action
    }
}

const fn answered_by(
    action: Action,
    many: &'static [&'static str],
    last: Option<&'static str>,
) -> Action {
    Action {
        answers: (many, last),
        ..action
    }
}

/// All requests.
pub static ACTIONS: &[Action] = &[
    action("ping", &[], "pong", "Tells whether the agent is there. The first answer after a boot has the boot ledger."),
    action("hello", &[may("protocol", ANY, "The host's protocol number; 0 if absent.")], "hello", "Agrees on the lower protocol number. A host that comes right after another one says it first: what it asks for once it has the answer is not taken for the other one's."),
    answered_by(
        action(
            "exec",
            &[
                LANGUAGE,
                must("code", upto(limits::CODE), "The program's text."),
                TIMEOUT,
                may("env_vars", Kind::Variables, "Added to its environment."),
                may("stdin", Kind::Flag, "Whether it reads what `stdin` sends; not for javascript."),
                may("pty", Kind::Object(&[ROWS, COLS]), "Gives it a terminal: all output comes as `stdout`, without a limit, and `stdin` types into it; not for javascript."),
            ],
            "complete",
            "Runs code.",
        ),
        OUTPUT,
        Some("complete"),
    ),
    answered_by(
        action(
            "install_packages",
            &[LANGUAGE, must("packages", Kind::Packages, "Each with a version: name==1.0 or name@1.0.0."), TIMEOUT],
            "complete",
            "Installs packages for code of the language.",
        ),
        OUTPUT,
        Some("complete"),
    ),
    answered_by(
        named(action(
            "write_file",
            &[FILE, may("make_executable", Kind::Flag, "Whether it can be executed.")],
            "",
            "Begins a file; folders that it lies in are made.",
        )),
        &[],
        None,
    ),
    answered_by(
        named(action("file_chunk", &[must("data", DATA, "A piece of one zstd frame.")], "", "Adds to the file of this op_id.")),
        &[],
        None,
    ),
    named(action("file_end", &[], "file_write_ack", "Puts the file of this op_id in its place, at once and whole.")),
    answered_by(
        named(action("read_file", &[FILE], "", "Sends a file as pieces of one zstd frame.")),
        &["file_chunk"],
        Some("file_read_complete"),
    ),
    action("list_files", &[FOLDER], "file_list", "Names what is in a folder."),
    action("stat", &[FOLDER], "stat", "Describes a file."),
    action("mkdir", &[FILE], "ack", "Makes a folder, and those that it lies in."),
    action(
        "remove",
        &[FILE, may("recursive", Kind::Flag, "Whether to delete what is in a folder as well.")],
        "ack",
        "Deletes a file, a link or a folder.",
    ),
    action(
        "move",
        &[FILE, must("to", Kind::Path { home: false }, "Where it will be.")],
        "ack",
        "Gives a file another name, in place of what has that name.",
    ),
    named(action(
        "stdin",
        &[
            must("data", DATA, "What it reads or, on a terminal, what is typed."),
            may("eof", Kind::Flag, "Whether there is no more. On a terminal it types the character that ends input, and more may follow."),
        ],
        "ack",
        "Hands input to the program of this op_id. The answer's waiting is how many bytes it has not read yet.",
    )),
    named(action("signal", &[must("signal", number(1, 31), "Its number.")], "ack", "Sends a signal to the program of this op_id and its group.")),
    named(action("resize", &[ROWS, COLS], "ack", "Gives the terminal of the program of this op_id another size.")),
    named(action(
        "cancel",
        &[],
        "ack",
        "Ends what has this op_id: a program by SIGKILL, upon which its `complete` follows; a file without a word.",
    )),
    action("clock", &[may("unix_ns", ANY, "The time to set, in nanoseconds since 1970; without it the clock is only read.")], "clock", "Sets the clock, or only reads it."),
    action(
        "reseed",
        &[must("data", Kind::Bytes { least: 1, most: limits::SEED }, "Bytes that nobody else has.")],
        "reseed",
        "Mixes bytes into the random pool.",
    ),
    action("metrics", &[], "metrics", "Tells how the guest is."),
    action("shutdown", &[], "ack", "Switches the guest off."),
];

const VERSION: Field = must("version", TEXT, "The agent's version.");

const BOOT: &str =
    "The boot ledger: microseconds of each stage of the boot, as NAME=MICROSECONDS with commas between.";

const ECHO: Field = must("path", TEXT, "Where it is, as the host wrote it.");

const SIZE: Field = must("size", ANY, "Bytes of a file.");

const CHUNK: &[Field] = &[must(
    "chunk",
    TEXT,
    "What it wrote; bytes that are no UTF-8 are U+FFFD.",
)];

/// All answers.
pub static REPLIES: &[Reply] = &[
    Reply {
        name: "pong",
        fields: &[VERSION, may("boot", TEXT, BOOT)],
        what: "The agent is there.",
    },
    Reply {
        name: "hello",
        fields: &[
            must("protocol", ANY, "The number that both sides know."),
            VERSION,
            must("boot", TEXT, BOOT),
        ],
        what: "The protocol is agreed on.",
    },
    Reply {
        name: "stdout",
        fields: CHUNK,
        what: "A piece of standard output, or of what is on the terminal.",
    },
    Reply {
        name: "stderr",
        fields: CHUNK,
        what: "A piece of standard error.",
    },
    Reply {
        name: "complete",
        fields: &[
            must(
                "exit_code",
                number(0, 255),
                "128 and the signal's number when a signal ended it.",
            ),
            must("execution_time_ms", ANY, "Between request and answer."),
            must("spawn_ms", ANY, "Until it was started."),
            must("process_ms", ANY, "Between its start and its end."),
        ],
        what: "The program ended.",
    },
    Reply {
        name: "ack",
        fields: &[
            must("action", TEXT, "What was asked for."),
            may(
                "waiting",
                ANY,
                "After stdin, how many bytes the program has not read yet.",
            ),
        ],
        what: "It is done.",
    },
    Reply {
        name: "file_write_ack",
        fields: &[ECHO, must("bytes_written", ANY, "Its size.")],
        what: "A file is in its place.",
    },
    Reply {
        name: "file_chunk",
        fields: &[must(
            "data",
            Kind::Bytes {
                least: 0,
                most: limits::FILE_CHUNK + 64,
            },
            "A piece of one zstd frame.",
        )],
        what: "A piece of a file.",
    },
    Reply {
        name: "file_read_complete",
        fields: &[ECHO, SIZE],
        what: "The file is sent.",
    },
    Reply {
        name: "file_list",
        fields: &[
            ECHO,
            must(
                "entries",
                Kind::List(&[
                    must("name", TEXT, "Its name."),
                    must("is_dir", Kind::Flag, "Whether it is a folder."),
                    must("size", ANY, "Bytes of a file; 0 for a folder."),
                ]),
                "What is in it.",
            ),
        ],
        what: "What is in a folder.",
    },
    Reply {
        name: "stat",
        fields: &[
            ECHO,
            must(
                "kind",
                Kind::Word(&["file", "directory", "symlink", "other"]),
                "What it is.",
            ),
            SIZE,
            must("mode", number(0, 0o7777), "Its permissions."),
            must(
                "modified_ms",
                Kind::Integer,
                "When it was changed, in milliseconds since 1970.",
            ),
        ],
        what: "What a file is.",
    },
    Reply {
        name: "clock",
        fields: &[must("unix_ns", ANY, "Nanoseconds since 1970.")],
        what: "What time it is.",
    },
    Reply {
        name: "reseed",
        fields: &[
            must("bytes", ANY, "How many were mixed in."),
            must(
                "reseeded",
                Kind::Flag,
                "Whether the generator took from the pool at once.",
            ),
        ],
        what: "What became of bytes for the random pool.",
    },
    Reply {
        name: "metrics",
        fields: &[
            may("uptime_ms", ANY, "Time since the boot."),
            may("memory_total_kib", ANY, "Memory."),
            may(
                "memory_available_kib",
                ANY,
                "Memory that programs can have.",
            ),
            may("swap_total_kib", ANY, "Swap."),
            may("swap_free_kib", ANY, "Swap that is not in use."),
            may("agent_rss_kib", ANY, "Memory that the agent has."),
            may("disk_total_kib", ANY, "The disk of the home."),
            may("disk_free_kib", ANY, "What is free of it."),
            may("processes", ANY, "Processes."),
            may(
                "zombies",
                ANY,
                "Those that have ended, and that nobody has waited for.",
            ),
        ],
        what: "How the guest is; a number that it cannot find out is absent.",
    },
    Reply {
        name: "error",
        fields: &[
            must("message", TEXT, "What was wrong, for people."),
            must(
                "error_type",
                Kind::Word(&ErrorType::NAMES),
                "What kind it is.",
            ),
            VERSION,
        ],
        what: "The request failed. It comes instead of the last answer.",
    },
];

impl Field {
    /// Checks the field of a request, as far as it can be without knowing others.
    ///
    /// # Errors
    ///
    /// It is missing, of another type, or beyond a limit.
    pub(crate) fn check(&self, fields: &Fields) -> Result<(), Error> {
        match fields.get(self.name) {
            None if self.required => Err(Error::field(self.name, "is missing")),
            None => Ok(()),
            Some(value) => self.check_value(value),
        }
    }

    fn check_value(&self, value: &Value) -> Result<(), Error> {
        let refuse = |expected: &str| Err(wrong(self.name, expected, value));
        match (&self.kind, value) {
            (Kind::Text { least, most }, Value::String(text)) => {
                self.check_length(text.len(), *least, *most)
            }
            (Kind::Word(words), Value::String(text)) if !words.contains(&text.as_str()) => {
                let known = words.join(", ");
                Err(Error::field(self.name, format_args!("is none of {known}")))
            }
            (Kind::Number { least, most }, Value::Number(number)) if number.is_u64() => {
                match number.as_u64() {
                    Some(number) if (*least..=*most).contains(&number) => Ok(()),
                    _ => Err(Error::field(
                        self.name,
                        format_args!("is not {least} to {most}"),
                    )),
                }
            }
            (Kind::Bytes { least, most }, Value::String(text)) => {
                // What is no base64 is found when it is decoded.
                let padding = text
                    .bytes()
                    .rev()
                    .take(2)
                    .filter(|&byte| byte == b'=')
                    .count();
                let length = (text.len() / 4 * 3).saturating_sub(padding);
                self.check_length(length, *least, *most)
            }
            (Kind::Object(inner), Value::Object(object)) => {
                let fields = Fields::new(object.clone());
                let mut inner = inner.iter();
                inner
                    .try_for_each(|field| field.check(&fields))
                    .map_err(|error| Error::field(self.name, error.message))
            }
            (Kind::Word(_) | Kind::Path { .. }, Value::String(_))
            | (Kind::Flag, Value::Bool(_))
            | (Kind::Variables, Value::Object(_))
            | (Kind::Packages | Kind::List(_), Value::Array(_)) => Ok(()),
            (Kind::Integer, Value::Number(number)) if number.is_i64() => Ok(()),
            (Kind::Text { .. } | Kind::Word(_) | Kind::Bytes { .. } | Kind::Path { .. }, _) => {
                refuse("a string")
            }
            (Kind::Number { .. }, _) => refuse("a whole number of at least 0"),
            (Kind::Integer, _) => refuse("a whole number"),
            (Kind::Flag, _) => refuse("a boolean"),
            (Kind::Object(_), _) => refuse("an object"),
            (Kind::Variables, _) => refuse("an object of strings"),
            (Kind::Packages, _) => refuse("a list of strings"),
            (Kind::List(_), _) => refuse("a list of objects"),
        }
    }

    fn check_length(&self, length: usize, least: usize, most: usize) -> Result<(), Error> {
        if (least..=most).contains(&length) {
            return Ok(());
        }
        Err(Error::field(
            self.name,
            format_args!("has {length} bytes, not {least} to {most}"),
        ))
    }
}

/// Returns the declaration of an action.
pub(crate) fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}
