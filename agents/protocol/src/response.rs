//! Responses, and their form on a line.

use crate::codec::{AnyNumber, Bytes, Flag, Integer, Line, List, Maybe, Number, OneOf};
use crate::error::Error;
use crate::limits;
use crate::message::{structure, write_fields, write_name, Message, Structure, WriteFields};
use crate::types::{ErrorType, FileKind, Language, Stream, Warmth};

type Word = Line<&'static str>;
type Text = Line<String>;

structure! {
    /// An entry of a directory.
    Entry {
        /// Name.
        name: Text,
        /// Whether it is a directory.
        is_dir: Flag<true>,
        /// Allocated bytes of a file, without the holes of a sparse file. 0 for a directory.
        size: AnyNumber,
    }
}
write_fields! { Entry { name: Text, is_dir: Flag<true>, size: AnyNumber, } }

/// Declares all responses: for each the type on the wire, the type in Rust, and the fields.
macro_rules! responses {
    ($(
        $(#[doc = $what:literal])+
        $type:literal $name:ident { $($(#[doc = $about:literal])+ $field:ident: $codec:ty,)* }
    )+) => {
        $(
            structure! { $(#[doc = $what])+ $name { $($(#[doc = $about])+ $field: $codec,)* } }
            write_fields! { $name { $($field: $codec,)* } }

            impl From<$name> for Response {
                fn from(response: $name) -> Self {
                    Self::$name(response)
                }
            }
        )+

        /// A response of the agent.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Response { $($(#[doc = $what])+ $name($name),)+ }

        impl Response {
            /// Returns the response as a line, with the newline.
            pub fn to_line(&self, op_id: Option<&str>) -> Vec<u8> {
                let mut line = Vec::new();
                self.write_line(op_id, &mut line);
                line
            }

            /// Writes the response as a line, in place of what is there.
            pub fn write_line(&self, op_id: Option<&str>, line: &mut Vec<u8>) {
                line.clear();
                line.push(b'{');
                write_name("type", line);
                match self {
                    $(Self::$name(response) => {
                        line.extend_from_slice(concat!("\"", $type, "\"").as_bytes());
                        response.write_fields(line);
                    })+
                }
                if let Some(op_id) = op_id {
                    write_name("op_id", line);
                    // Writing to memory does not fail.
                    let _ = serde_json::to_writer(&mut *line, op_id);
                }
                line.extend_from_slice(b"}\n");
            }

            /// Returns two examples of each response, without and with the fields that may be absent.
            pub fn samples() -> Vec<Self> {
                vec![$($name::sample(false).into(), $name::sample(true).into()),+]
            }
        }

        /// Describes all responses.
        pub fn all() -> Vec<Message> {
            vec![$(Message {
                name: $type,
                what: concat!($($what),+).trim_ascii_start(),
                fields: $name::fields(),
                many: &[],
                last: None,
            }),+]
        }
    };
}

responses! {
    /// The agent answers.
    "pong" Pong {
        /// Version of the agent.
        version: Word,
        /// Boot ledger, in the first response after a boot: the duration of each stage, `NAME=MICROSECONDS`, separated by commas.
        boot: Maybe<Text>,
    }

    /// Host and agent agree on a protocol number.
    "hello" Hello {
        /// Highest protocol number that both sides know.
        protocol: AnyNumber,
        /// Version of the agent.
        version: Word,
        /// Boot ledger, as in `pong`.
        boot: Text,
    }

    /// Part of the standard output of a program, or of the output of its terminal.
    "stdout" Stdout {
        /// Text. U+FFFD replaces bytes that are not valid UTF-8.
        chunk: Text,
    }

    /// Part of the standard error of a program.
    "stderr" Stderr {
        /// Text. U+FFFD replaces bytes that are not valid UTF-8.
        chunk: Text,
    }

    /// The program ended.
    "complete" Complete {
        /// Exit code, or 128 plus the number of the signal that ended the program.
        exit_code: Number<0, 255>,
        /// Milliseconds from the request to the response.
        execution_time_ms: AnyNumber,
        /// Milliseconds until the program was started.
        spawn_ms: AnyNumber,
        /// Milliseconds from the start to the end of the program.
        process_ms: AnyNumber,
    }

    /// The interpreter of a language is ready for code, or failed to start. A failure is not an `error`: code of the
    /// language may still run in a new process.
    "warm_repl_ack" WarmReplAck {
        /// Interpreter.
        language: OneOf<Language>,
        /// Whether the interpreter is ready.
        status: OneOf<Warmth>,
        /// Reason for the failure, for people.
        message: Maybe<Text>,
    }

    /// The request is done.
    "ack" Ack {
        /// Action of the request.
        action: Word,
        /// Bytes of standard input that the program has not read yet; only after `stdin`.
        waiting: Maybe<AnyNumber>,
    }

    /// The file is complete.
    "file_write_ack" FileWriteAck {
        /// Path as the host wrote it.
        path: Text,
        /// Size of the file, bytes.
        bytes_written: AnyNumber,
    }

    /// Part of a file.
    "file_chunk" FileChunk {
        /// Chunk of one zstd frame.
        data: Bytes<0, { limits::FILE_CHUNK + 64 }>,
    }

    /// The agent has sent the whole file.
    "file_read_complete" FileReadComplete {
        /// Path as the host wrote it.
        path: Text,
        /// Size of the file, bytes.
        size: AnyNumber,
    }

    /// The content of a directory.
    "file_list" FileList {
        /// Path as the host wrote it.
        path: Text,
        /// Entries, sorted by name.
        entries: List<Entry>,
    }

    /// The description of a file, a directory or a link.
    "stat" Stat {
        /// Path as the host wrote it.
        path: Text,
        /// Kind. The agent does not follow links.
        kind: OneOf<FileKind>,
        /// Size of a file, bytes.
        size: AnyNumber,
        /// Permissions.
        mode: Number<0, 0o7777>,
        /// Time of the last change of the content, milliseconds since 1970.
        modified_ms: Integer,
    }

    /// The time of the guest.
    "clock" Clock {
        /// Nanoseconds since 1970.
        unix_ns: AnyNumber,
    }

    /// The agent has mixed the bytes into the random pool.
    "reseed" Reseed {
        /// Number of bytes.
        bytes: AnyNumber,
        /// Whether the kernel then reseeded its generator from the pool.
        reseeded: Flag<true>,
    }

    /// The state of the guest. A number that the agent cannot read is absent.
    "metrics" Metrics {
        /// Time since the boot, milliseconds.
        uptime_ms: Maybe<AnyNumber>,
        /// Memory.
        memory_total_kib: Maybe<AnyNumber>,
        /// Memory that is available to programs.
        memory_available_kib: Maybe<AnyNumber>,
        /// Swap.
        swap_total_kib: Maybe<AnyNumber>,
        /// Free swap.
        swap_free_kib: Maybe<AnyNumber>,
        /// Memory of the agent.
        agent_rss_kib: Maybe<AnyNumber>,
        /// Size of the file system of the home directory.
        disk_total_kib: Maybe<AnyNumber>,
        /// Free space of that file system.
        disk_free_kib: Maybe<AnyNumber>,
        /// Processes.
        processes: Maybe<AnyNumber>,
        /// Processes that have ended, and whose parent has yet to wait for them.
        zombies: Maybe<AnyNumber>,
    }

    /// The request failed. This replaces the last response.
    "error" Failed {
        /// Reason, for people.
        message: Text,
        /// Kind of the error.
        error_type: OneOf<ErrorType>,
        /// Version of the agent.
        version: Word,
        /// Action of the request that failed. It distinguishes the error of a `stdin` request from the end of the program
        /// with the same op_id. Absent if the line has no known action.
        action: Maybe<Word>,
    }
}

impl Response {
    /// Creates the response for a chunk of output.
    pub fn output(stream: Stream, chunk: String) -> Self {
        match stream {
            Stream::Stdout => Stdout { chunk }.into(),
            Stream::Stderr => Stderr { chunk }.into(),
        }
    }

    /// Creates the response to a request that is done.
    pub fn ack(action: &'static str) -> Self {
        Ack {
            action,
            waiting: None,
        }
        .into()
    }

    /// Creates the response to a request that failed.
    pub fn error(error: Error, action: Option<&'static str>, version: &'static str) -> Self {
        let Error {
            kind: error_type,
            message,
        } = error;
        Failed {
            message,
            error_type,
            version,
            action,
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    fn value(response: &Response, op_id: Option<&str>) -> Value {
        serde_json::from_slice(&response.to_line(op_id)).unwrap()
    }

    #[test]
    fn to_line_omits_absent_fields() {
        let pong = Response::from(Pong {
            version: "1.2.3",
            boot: None,
        });
        assert_eq!(
            pong.to_line(None),
            b"{\"type\":\"pong\",\"version\":\"1.2.3\"}\n"
        );
    }

    #[test]
    fn to_line_escapes_line_breaks() {
        let output = Response::output(Stream::Stderr, "a\nb\u{2028}\0".to_owned());
        let line = output.to_line(Some("x\ny"));
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let expected = json!({"type": "stderr", "chunk": "a\nb\u{2028}\0", "op_id": "x\ny"});
        assert_eq!(value(&output, Some("x\ny")), expected);
    }

    #[test]
    fn to_line_writes_every_declared_field() {
        for (index, response) in Response::samples().iter().enumerate() {
            let declared = &all()[index / 2];
            let written = value(response, None);
            assert_eq!(written["type"], declared.name);
            for field in &declared.fields {
                let there = written.get(field.name).is_some();
                assert_eq!(there, field.required || index % 2 == 1, "{written}");
            }
            assert_eq!(
                written
                    .as_object()
                    .unwrap()
                    .keys()
                    .filter(|key| *key != "type")
                    .count(),
                declared
                    .fields
                    .iter()
                    .filter(|field| field.required || index % 2 == 1)
                    .count()
            );
        }
    }

    #[test]
    fn error_contains_version_and_action() {
        let error = Error::new(ErrorType::Timeout, "too long");
        let expected = json!({"type": "error", "message": "too long", "error_type": "timeout_error", "version": "1.2.3", "action": "exec"});
        assert_eq!(
            value(&Response::error(error, Some("exec"), "1.2.3"), None),
            expected
        );
    }
}
