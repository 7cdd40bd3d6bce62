//! Answers, and how they look on the wire.

use serde_json::{json, Value};

use crate::base64;
use crate::error::Error;

/// Which of its outputs a program wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// Returns the name on the wire, and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What is in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Bytes of a file; 0 for a folder.
    pub size: u64,
}

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The agent is there.
    Pong {
        /// Its version.
        version: &'static str,
        /// The boot ledger, in the first answer after the boot.
        boot: Option<String>,
    },
    /// The protocol is agreed on.
    Hello {
        /// The number of the protocol that both sides know.
        protocol: u64,
        /// The agent's version.
        version: &'static str,
        /// Microseconds of each stage of the boot, as `NAME=MICROSECONDS` with commas between.
        boot: String,
    },
    /// It is done.
    Ack {
        /// What was asked for.
        action: &'static str,
    },
    /// Input is taken.
    StdinAck {
        /// Bytes that the program has not read yet.
        waiting: usize,
    },
    /// A file is in its place.
    FileWritten {
        /// Where, as the host wrote it.
        path: String,
        /// Its size.
        bytes_written: u64,
    },
    /// A piece of a file.
    FileChunk {
        /// Part of a zstd frame.
        data: Vec<u8>,
    },
    /// A file is sent.
    FileRead {
        /// Where it is, as the host wrote it.
        path: String,
        /// Its size.
        size: u64,
    },
    /// What is in a folder.
    FileList {
        /// Where it is, as the host wrote it.
        path: String,
        /// What is in it.
        entries: Vec<Entry>,
    },
    /// What a file is.
    Stat {
        /// Where it is, as the host wrote it.
        path: String,
        /// One of file, directory, symlink, other.
        kind: &'static str,
        /// Its size.
        size: u64,
        /// Its permissions.
        mode: u32,
        /// When it was changed, in milliseconds since 1970.
        modified_ms: i64,
    },
    /// What time it is.
    Clock {
        /// Nanoseconds since 1970.
        unix_ns: u64,
    },
    /// What became of bytes for the random pool.
    Reseed {
        /// How many were mixed in.
        bytes: usize,
        /// Whether the generator took from the pool at once.
        reseeded: bool,
    },
    /// How the guest is: names and numbers.
    Metrics {
        /// The numbers.
        values: Vec<(&'static str, u64)>,
    },
    /// A piece of output.
    Output {
        /// Where the program wrote it.
        stream: Stream,
        /// What it wrote.
        chunk: String,
    },
    /// The program ended.
    Complete {
        /// Its exit code; 128 and the signal's number when a signal ended it.
        exit_code: i32,
        /// Milliseconds between request and answer.
        execution_time_ms: u64,
        /// Milliseconds that it took to start the program.
        spawn_ms: u64,
        /// Milliseconds between start and end of the program.
        process_ms: u64,
    },
    /// The request failed.
    Error {
        /// How.
        error: Error,
        /// The agent's version.
        version: &'static str,
    },
}

impl Entry {
    fn to_value(&self) -> Value {
        json!({"name": self.name, "is_dir": self.is_dir, "size": self.size})
    }
}

impl Answer {
    /// Returns the answer as a line of the wire, with the newline.
    pub fn to_line(&self, op_id: Option<&str>) -> Vec<u8> {
        let mut value = self.to_value();
        if let Some(op_id) = op_id {
            value["op_id"] = Value::from(op_id);
        }
        let mut line = value.to_string().into_bytes();
        line.push(b'\n');
        line
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Pong {
                version,
                boot: None,
            } => json!({"type": "pong", "version": version}),
            Self::Pong {
                version,
                boot: Some(boot),
            } => json!({"type": "pong", "version": version, "boot": boot}),
            Self::Hello {
                protocol,
                version,
                boot,
            } => json!({
                "type": "hello",
                "protocol": protocol,
                "version": version,
                "boot": boot,
            }),
            Self::Ack { action } => json!({"type": "ack", "action": action}),
            Self::StdinAck { waiting } => {
                json!({"type": "ack", "action": "stdin", "waiting": waiting})
            }
            Self::FileWritten {
                path,
                bytes_written,
            } => json!({
                "type": "file_write_ack",
                "path": path,
                "bytes_written": bytes_written,
            }),
            Self::FileChunk { data } => {
                json!({"type": "file_chunk", "data": base64::encode(data)})
            }
            Self::FileRead { path, size } => {
                json!({"type": "file_read_complete", "path": path, "size": size})
            }
            Self::FileList { path, entries } => {
                let entries: Vec<Value> = entries.iter().map(Entry::to_value).collect();
                json!({"type": "file_list", "path": path, "entries": entries})
            }
            Self::Stat {
                path,
                kind,
                size,
                mode,
                modified_ms,
            } => json!({
                "type": "stat",
                "path": path,
                "kind": kind,
                "size": size,
                "mode": mode,
                "modified_ms": modified_ms,
            }),
            Self::Clock { unix_ns } => json!({"type": "clock", "unix_ns": unix_ns}),
            Self::Reseed { bytes, reseeded } => {
                json!({"type": "reseed", "bytes": bytes, "reseeded": reseeded})
            }
            Self::Metrics { values } => {
                let mut value = json!({"type": "metrics"});
                for (name, number) in values {
                    value[*name] = Value::from(*number);
                }
                value
            }
            Self::Output { stream, chunk } => json!({"type": stream.name(), "chunk": chunk}),
            Self::Complete {
                exit_code,
                execution_time_ms,
                spawn_ms,
                process_ms,
            } => json!({
                "type": "complete",
                "exit_code": exit_code,
                "execution_time_ms": execution_time_ms,
                "spawn_ms": spawn_ms,
                "process_ms": process_ms,
            }),
            Self::Error { error, version } => json!({
                "type": "error",
                "message": error.message,
                "error_type": error.kind.name(),
                "version": version,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorType;

    fn line(answer: &Answer, op_id: Option<&str>) -> String {
        String::from_utf8(answer.to_line(op_id)).unwrap()
    }

    #[test]
    fn pong() {
        let pong = Answer::Pong {
            version: "1.2.3",
            boot: None,
        };
        assert_eq!(
            line(&pong, None),
            "{\"type\":\"pong\",\"version\":\"1.2.3\"}\n"
        );
    }

    #[test]
    fn a_line_stays_one_line() {
        let output = Answer::Output {
            stream: Stream::Stderr,
            chunk: "a\nb\u{2028}\0".to_owned(),
        };
        let line = line(&output, Some("x\ny"));
        assert_eq!(line.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["type"], "stderr");
        assert_eq!(value["chunk"], "a\nb\u{2028}\0");
        assert_eq!(value["op_id"], "x\ny");
    }

    #[test]
    fn complete_has_what_hosts_read() {
        let complete = Answer::Complete {
            exit_code: 137,
            execution_time_ms: 3,
            spawn_ms: 1,
            process_ms: 2,
        };
        let value: Value = serde_json::from_str(&line(&complete, None)).unwrap();
        let expected = json!({"type": "complete", "exit_code": 137, "execution_time_ms": 3, "spawn_ms": 1, "process_ms": 2});
        assert_eq!(value, expected);
    }

    #[test]
    fn errors_carry_the_version() {
        let error = Answer::Error {
            error: Error::new(ErrorType::Timeout, "too long"),
            version: "1.2.3",
        };
        let value: Value = serde_json::from_str(&line(&error, None)).unwrap();
        let expected = json!({"type": "error", "message": "too long", "error_type": "timeout_error", "version": "1.2.3"});
        assert_eq!(value, expected);
    }
}
