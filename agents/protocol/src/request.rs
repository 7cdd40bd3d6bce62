//! Requests, from a line to what is asked for.

use std::time::Duration;

use serde_json::Value;

use crate::declaration;
use crate::environment;
use crate::error::{Error, ErrorType};
use crate::fields::Fields;
use crate::packages;
use crate::path::HomePath;

/// Which interpreter code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// CPython.
    Python,
    /// Node.js.
    JavaScript,
    /// A shell.
    Raw,
}

/// Code to execute.
#[derive(Debug, PartialEq, Eq)]
pub struct Exec {
    /// What runs it.
    pub language: Language,
    /// The program's text.
    pub code: String,
    /// How long it may run; `None` is without limit.
    pub timeout: Option<Duration>,
    /// Variables for its environment, all of them allowed.
    pub variables: Vec<(String, String)>,
    /// Whether it reads what [`Request::Stdin`] sends; otherwise its input is empty.
    pub stdin: bool,
    /// The size of its terminal, if it gets one.
    pub terminal: Option<Size>,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters of each.
    pub cols: u16,
}

/// Packages to install.
#[derive(Debug, PartialEq, Eq)]
pub struct Install {
    /// Whose packages they are.
    pub language: Language,
    /// Names with versions, all of them checked.
    pub packages: Vec<String>,
    /// How long it may take; `None` is without limit.
    pub timeout: Option<Duration>,
}

/// What a host asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Whether the agent is there.
    Ping,
    /// To agree on a protocol.
    Hello {
        /// The host's.
        protocol: u64,
    },
    /// To execute code.
    Exec(Exec),
    /// To install packages.
    Install(Install),
    /// To begin a file.
    WriteFile {
        /// Where it will be.
        path: HomePath,
        /// Whether it can be executed.
        executable: bool,
    },
    /// To add to the file with the same `op_id`.
    FileChunk {
        /// Part of a zstd frame.
        data: Vec<u8>,
    },
    /// To put the file with the same `op_id` in its place.
    FileEnd,
    /// To send a file.
    ReadFile {
        /// Where it is.
        path: HomePath,
    },
    /// To name what is in a folder.
    ListFiles {
        /// The folder.
        path: HomePath,
    },
    /// To describe a file.
    Stat {
        /// Where it is.
        path: HomePath,
    },
    /// To make a folder, and those that it lies in.
    MakeFolder {
        /// Where.
        path: HomePath,
    },
    /// To delete a file or folder.
    Remove {
        /// Where it is.
        path: HomePath,
        /// Whether to delete what is in it as well.
        recursive: bool,
    },
    /// To give a file another name, in place of what has that name.
    Move {
        /// Where it is.
        path: HomePath,
        /// Where it will be.
        to: HomePath,
    },
    /// To hand input to the program with the same `op_id`.
    Stdin {
        /// The input.
        data: Vec<u8>,
        /// Whether there is no more.
        eof: bool,
    },
    /// To send a signal to the program with the same `op_id`.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// To give the terminal of the program with the same `op_id` another size.
    Resize(Size),
    /// To end whatever has the same `op_id`.
    Cancel,
    /// To set the clock, or only to read it.
    Clock {
        /// Nanoseconds since 1970.
        unix_ns: Option<u64>,
    },
    /// To renew the random pool.
    Reseed {
        /// Bytes that nobody else has.
        data: Vec<u8>,
    },
    /// To tell how the guest is.
    Metrics,
    /// To switch the guest off.
    Shutdown,
}

/// A line, taken apart: whose answers carry which `op_id`, and what is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The request's own name, which all its answers repeat.
    pub op_id: Option<String>,
    /// The request, or what is wrong with it.
    pub request: Result<Request, Error>,
}

/// Takes a line apart.
///
/// Where a whole request follows a piece of one, that piece is ignored: it is what a host sent that hung up, and nothing
/// on the wire tells where the next host began.
pub fn parse(line: &[u8]) -> Parsed {
    let (op_id, request) = match object(line) {
        Ok(mut fields) => match op_id(&mut fields) {
            Ok(op_id) => {
                let request = request(fields, op_id.is_some());
                (op_id, request)
            }
            Err(error) => (None, Err(error)),
        },
        Err(error) => (None, Err(error)),
    };
    Parsed { op_id, request }
}

fn object(line: &[u8]) -> Result<Fields, Error> {
    let value = serde_json::from_slice(line).or_else(|error| match last_object(line) {
        Some(start) => serde_json::from_slice(&line[start..]).map_err(|_| error),
        None => Err(error),
    });
    match value {
        Ok(Value::Object(object)) => Ok(Fields::new(object)),
        Ok(_) => Err(Error::new(ErrorType::Request, "not a JSON object")),
        // The message tells place and kind; it quotes nothing of the line.
        Err(error) => Err(Error::new(ErrorType::Request, format!("not JSON: {error}"))),
    }
}

/// Returns where the object begins that a line ends with, if it ends with one.
///
/// There is at most one: what begins later within an object has a brace or a quote too many at its end, and what begins
/// earlier has it in its middle.
fn last_object(line: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string) = (0_usize, false);
    for place in (0..line.len()).rev() {
        match line[place] {
            b'"' => {
                let before = line[..place].iter().rev();
                let escapes = before.take_while(|&&byte| byte == b'\\').count();
                in_string ^= escapes % 2 == 0;
            }
            b'}' if !in_string => depth += 1,
            b'{' if !in_string && depth <= 1 => return (depth == 1).then_some(place),
            b'{' if !in_string => depth -= 1,
            byte if depth == 0 && !byte.is_ascii_whitespace() => return None,
            _ => {}
        }
    }
    None
}

fn op_id(fields: &mut Fields) -> Result<Option<String>, Error> {
    declaration::OP_ID.check(fields)?;
    fields.optional_string(declaration::OP_ID.name)
}

/// Makes a request of fields that are as they are declared.
fn request(mut fields: Fields, has_op_id: bool) -> Result<Request, Error> {
    let action = fields
        .string("action")
        .map_err(|error| Error::new(ErrorType::Request, error.message))?;
    if let Some(declared) = declaration::find(&action) {
        if declared.needs_op_id && !has_op_id {
            return Err(Error::field("op_id", "is missing"));
        }
        let mut declared = declared.fields.iter();
        declared.try_for_each(|field| field.check(&fields))?;
    }
    match action.as_str() {
        "ping" => Ok(Request::Ping),
        "hello" => Ok(Request::Hello {
            protocol: fields.optional_number("protocol")?.unwrap_or(0),
        }),
        "exec" => exec(fields).map(Request::Exec),
        "install_packages" => install(fields).map(Request::Install),
        "write_file" => Ok(Request::WriteFile {
            path: HomePath::inside(fields.string("path")?)?,
            executable: fields.flag("make_executable")?,
        }),
        "file_chunk" => Ok(Request::FileChunk {
            data: fields.bytes("data")?,
        }),
        "file_end" => Ok(Request::FileEnd),
        "read_file" => Ok(Request::ReadFile {
            path: HomePath::inside(fields.string("path")?)?,
        }),
        "list_files" => Ok(Request::ListFiles {
            path: HomePath::new(fields.optional_string("path")?.unwrap_or_default())?,
        }),
        "stat" => Ok(Request::Stat {
            path: HomePath::new(fields.optional_string("path")?.unwrap_or_default())?,
        }),
        "mkdir" => Ok(Request::MakeFolder {
            path: HomePath::inside(fields.string("path")?)?,
        }),
        "remove" => Ok(Request::Remove {
            path: HomePath::inside(fields.string("path")?)?,
            recursive: fields.flag("recursive")?,
        }),
        "move" => Ok(Request::Move {
            path: HomePath::inside(fields.string("path")?)?,
            to: HomePath::inside(fields.string("to")?)?,
        }),
        "stdin" => Ok(Request::Stdin {
            data: fields.bytes("data")?,
            eof: fields.flag("eof")?,
        }),
        "signal" => Ok(Request::Signal {
            signal: fields.number("signal")? as i32,
        }),
        "resize" => size(&mut fields).map(Request::Resize),
        "cancel" => Ok(Request::Cancel),
        "clock" => Ok(Request::Clock {
            unix_ns: fields.optional_number("unix_ns")?,
        }),
        "reseed" => Ok(Request::Reseed {
            data: fields.bytes("data")?,
        }),
        "metrics" => Ok(Request::Metrics),
        "shutdown" => Ok(Request::Shutdown),
        _ => {
            let shown: String = action.chars().take(40).collect();
            Err(Error::new(
                ErrorType::Request,
                format!("unknown action {shown:?}"),
            ))
        }
    }
}

fn exec(mut fields: Fields) -> Result<Exec, Error> {
    let language = language(&mut fields)?;
    let code = fields.string("code")?;
    let variables = fields.strings_by_name("env_vars")?;
    environment::check(&variables)?;
    let stdin = fields.flag("stdin")?;
    let terminal = match fields.optional_object("pty")? {
        Some(mut fields) => Some(size(&mut fields)?),
        None => None,
    };
    if language == Language::JavaScript {
        let why = "standard input is where JavaScript gets its code";
        if stdin {
            return Err(Error::field("stdin", why));
        }
        if terminal.is_some() {
            return Err(Error::field("pty", why));
        }
    }
    Ok(Exec {
        language,
        code,
        timeout: timeout(&mut fields)?,
        variables,
        stdin,
        terminal,
    })
}

/// Takes the size of a terminal.
fn size(fields: &mut Fields) -> Result<Size, Error> {
    Ok(Size {
        rows: fields.number("rows")? as u16,
        cols: fields.number("cols")? as u16,
    })
}

fn install(mut fields: Fields) -> Result<Install, Error> {
    let language = language(&mut fields)?;
    let packages = fields.strings("packages")?;
    packages::check(language, &packages)?;
    Ok(Install {
        language,
        packages,
        timeout: timeout(&mut fields)?,
    })
}

fn language(fields: &mut Fields) -> Result<Language, Error> {
    match fields.string("language")?.as_str() {
        "python" => Ok(Language::Python),
        "javascript" => Ok(Language::JavaScript),
        "raw" => Ok(Language::Raw),
        _ => Err(Error::field(
            "language",
            "is none of python, javascript, raw",
        )),
    }
}

/// Takes the timeout; hosts send 0 for none.
fn timeout(fields: &mut Fields) -> Result<Option<Duration>, Error> {
    let seconds = fields.optional_number("timeout")?;
    Ok(seconds
        .filter(|&seconds| seconds > 0)
        .map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> Error {
        parse(line.as_bytes()).request.unwrap_err()
    }

    #[test]
    fn ping() {
        let parsed = parse(br#"{"action":"ping"}"#);
        assert_eq!(parsed.request, Ok(Request::Ping));
        assert_eq!(parsed.op_id, None);
    }

    #[test]
    fn exec_with_all_fields() {
        let line = br#"{"action":"exec","op_id":"a1","language":"python","code":"x","timeout":3,"env_vars":{"B":"2","A":"1"}}"#;
        let parsed = parse(line);
        assert_eq!(parsed.op_id.as_deref(), Some("a1"));
        let expected = Exec {
            language: Language::Python,
            code: "x".to_owned(),
            timeout: Some(Duration::from_secs(3)),
            variables: vec![
                ("A".to_owned(), "1".to_owned()),
                ("B".to_owned(), "2".to_owned()),
            ],
            stdin: false,
            terminal: None,
        };
        assert_eq!(parsed.request, Ok(Request::Exec(expected)));
    }

    #[test]
    fn absent_null_and_zero_are_no_timeout() {
        for rest in ["", r#","timeout":null"#, r#","timeout":0"#] {
            let line = format!(r#"{{"action":"exec","language":"raw","code":""{rest}}}"#);
            let Ok(Request::Exec(exec)) = parse(line.as_bytes()).request else {
                panic!("{line}");
            };
            assert_eq!(exec.timeout, None);
        }
    }

    #[test]
    fn a_terminal_has_a_size() {
        let exec = |language: &str, pty: &str| {
            parse(
                format!(r#"{{"action":"exec","language":"{language}","code":"","pty":{pty}}}"#)
                    .as_bytes(),
            )
            .request
        };
        for (pty, expected) in [
            ("null", None),
            (
                r#"{"rows":1,"cols":1000}"#,
                Some(Size {
                    rows: 1,
                    cols: 1000,
                }),
            ),
            (
                r#"{"rows":24,"cols":80,"new":1}"#,
                Some(Size { rows: 24, cols: 80 }),
            ),
        ] {
            let Ok(Request::Exec(exec)) = exec("python", pty) else {
                panic!("{pty}");
            };
            assert_eq!(exec.terminal, expected);
        }
        for pty in [
            "true",
            "{}",
            r#"{"rows":24}"#,
            r#"{"rows":0,"cols":80}"#,
            r#"{"rows":24,"cols":1001}"#,
            r#"{"rows":24,"cols":65616}"#,
            r#"{"rows":24,"cols":-1}"#,
            r#"{"rows":"24","cols":80}"#,
        ] {
            let error = exec("raw", pty).unwrap_err();
            assert_eq!(error.kind, ErrorType::Validation, "{pty}");
            assert!(error.message.starts_with("pty: "), "{error}");
        }
        let error = exec("javascript", r#"{"rows":24,"cols":80}"#).unwrap_err();
        assert!(error.message.starts_with("pty: "), "{error}");
    }

    #[test]
    fn a_new_size_is_for_somebody() {
        let parsed = parse(br#"{"action":"resize","op_id":"a","rows":24,"cols":80}"#);
        let size = Size { rows: 24, cols: 80 };
        assert_eq!(parsed.request, Ok(Request::Resize(size)));
        for (field, rest) in [
            ("op_id", r#""rows":24,"cols":80"#),
            ("rows", r#""op_id":"a","cols":80"#),
            ("cols", r#""op_id":"a","rows":24,"cols":0"#),
        ] {
            let error = error(&format!(r#"{{"action":"resize",{rest}}}"#));
            assert!(error.message.starts_with(field), "{error}");
        }
    }

    #[test]
    fn unknown_fields_are_for_newer_guests() {
        let line = br#"{"action":"ping","colour":"red"}"#;
        assert_eq!(parse(line).request, Ok(Request::Ping));
    }

    #[test]
    fn what_is_no_request() {
        let deep = "[".repeat(100_000);
        for line in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            "{\"action\":5}",
            "{\"action\":\"fly\"}",
            "{\"action\":\"\u{1b}[2J\"}",
            r#"{"action":"\ud800"}"#,
            &deep,
        ] {
            let error = error(line);
            assert_eq!(error.kind, ErrorType::Request, "{error}");
            assert!(!error.message.contains('\u{1b}'));
        }
        let parsed = parse(b"\xff\xfe");
        assert_eq!(parsed.request.unwrap_err().kind, ErrorType::Request);
    }

    #[test]
    fn a_piece_of_a_request_does_not_spoil_the_next_one() {
        let code = r#"print(\"{\\\"action\\\": {}}\\\\\")"#;
        let whole = format!(
            r#"{{"action":"exec","op_id":"a","language":"raw","code":"{code}","env_vars":{{"A{{":"\\"}}}} "#
        );
        let expected = parse(whole.as_bytes());
        assert!(expected.request.is_ok());
        for cut in 0..whole.trim_end().len() {
            let mut line = whole.as_bytes()[..cut].to_vec();
            line.extend_from_slice(whole.as_bytes());
            assert_eq!(parse(&line), expected, "{cut}");
        }
        // A whole one that is wrong gets its own error, with its name.
        let parsed = parse(br#"{"action":"exec","code":"{"action":"fly","op_id":"b"}"#);
        assert_eq!(parsed.op_id.as_deref(), Some("b"));
        assert!(parsed.request.is_err());
    }

    #[test]
    fn errors_name_the_field() {
        for (field, rest) in [
            ("language", r#""code":"""#),
            ("language", r#""language":"cobol","code":"""#),
            ("code", r#""language":"raw""#),
            ("code", r#""language":"raw","code":["x"]"#),
            ("timeout", r#""language":"raw","code":"","timeout":301"#),
            ("timeout", r#""language":"raw","code":"","timeout":-1"#),
            ("timeout", r#""language":"raw","code":"","timeout":"3""#),
            ("timeout", r#""language":"raw","code":"","timeout":1.5"#),
            ("env_vars", r#""language":"raw","code":"","env_vars":[]"#),
            (
                "env_vars",
                r#""language":"raw","code":"","env_vars":{"A":1}"#,
            ),
            (
                "env_vars",
                r#""language":"raw","code":"","env_vars":{"PATH":""}"#,
            ),
            ("op_id", r#""op_id":7"#),
            ("op_id", r#""op_id":"""#),
        ] {
            let error = error(&format!(r#"{{"action":"exec",{rest}}}"#));
            assert_eq!(error.kind, ErrorType::Validation, "{error}");
            assert!(error.message.starts_with(field), "{error}");
        }
    }

    #[test]
    fn code_is_limited_in_bytes() {
        let line = |length: usize| {
            let code = "x".repeat(length);
            format!(r#"{{"action":"exec","language":"raw","code":"{code}"}}"#)
        };
        assert!(parse(line(1 << 20).as_bytes()).request.is_ok());
        assert!(error(&line((1 << 20) + 1)).message.starts_with("code"));
    }

    #[test]
    fn an_error_keeps_its_op_id() {
        let parsed = parse(br#"{"action":"exec","op_id":"a1"}"#);
        assert_eq!(parsed.op_id.as_deref(), Some("a1"));
        assert!(parsed.request.is_err());
    }
}
