//! Requests, parsed from a line into a value that is within all limits.

use crate::codec::{
    AnyBytes, AnyNumber, Bytes, Code, Flag, Maybe, Number, Object, OneOf, Seconds, Text,
};
use crate::environment::Variables;
use crate::error::{Error, ErrorType};
use crate::json::{self, Failure};
use crate::limits;
use crate::message::{read_fields, structure, Field, Fields, Message, ReadFields, Structure};
use crate::packages::{self, Packages};
use crate::path::{Home, Inside};
use crate::types::Language;

/// The name that a host gives to a request. All responses to the request repeat it.
pub type OpId = Text<1, { limits::OP_ID }>;

/// Describes the field that every request may have.
pub fn op_id() -> Field {
    let what = "Name of the request, which all responses to it repeat. Every request may have one.";
    Field {
        required: false,
        ..Field::of::<OpId>("op_id", what)
    }
}

type Side = Number<1, { limits::TERMINAL }>;

structure! {
    /// The size of a terminal, in characters.
    Size {
        /// Lines.
        rows: Side,
        /// Characters of a line.
        cols: Side,
    }
}
read_fields! { Size { rows: Side, cols: Side, } }

/// Declares all requests: for each the action, the type, the fields, and the responses.
macro_rules! requests {
    ($(
        $(#[doc = $what:literal])+
        $action:literal $name:ident { $($(#[doc = $about:literal])+ $field:ident: $codec:ty,)* }
        => [$($many:literal),*] $($last:literal)?;
    )+) => {
        $(
            structure! { $(#[doc = $what])+ $name { $($(#[doc = $about])+ $field: $codec,)* } }
            read_fields! { $name { $($field: $codec,)* } }
        )+

        /// A request of a host.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Request { $($(#[doc = $what])+ $name($name),)+ }

        /// The actions of all requests.
        const ACTIONS: &[&str] = &[$($action),+];

        /// The names of all fields.
        const NAMES: &[&[&str]] = &[&["action", "op_id"], $(<$name as ReadFields>::NAMES),+];

        impl Request {
            /// Returns the action, as it is on the wire.
            pub fn action(&self) -> &'static str {
                match self { $(Self::$name(_) => $action,)+ }
            }

            fn read(action: &str, fields: &Fields<'_>) -> Result<Self, Error> {
                match action {
                    $($action => $name::read_fields(fields).map(Self::$name),)+
                    _ => Err(Error::new(ErrorType::Request, format!("unknown action {action:?}"))),
                }
            }
        }

        /// Describes all requests.
        pub fn all() -> Vec<Message> {
            vec![$(Message {
                name: $action,
                what: concat!($($what),+).trim_ascii_start(),
                fields: $name::fields(),
                many: &[$($many),*],
                last: <[&'static str]>::first(&[$($last)?]).copied(),
            }),+]
        }
    };
}

requests! {
    /// Checks that the agent answers. The first response after a boot contains the boot ledger.
    "ping" Ping {} => [] "pong";

    /// Agrees on the lower one of two protocol numbers. A host that connects right after another one sends this first:
    /// the agent attributes later requests to the new host.
    "hello" Hello {
        /// Protocol number of the host; 0 if absent.
        protocol: Maybe<AnyNumber>,
    } => [] "hello";

    /// Runs code.
    "exec" Exec {
        /// Interpreter; `raw` is a shell.
        language: OneOf<Language>,
        /// Text of the program.
        code: Code,
        /// Seconds after which the agent ends the program; 0 means no limit.
        timeout: Seconds,
        /// Variables that the agent adds to the program's environment. A value may have several lines; of other control
        /// characters it may contain tabs only, and a name tabs.
        env_vars: Variables,
        /// Whether the program reads what `stdin` requests send. Otherwise its input is empty.
        stdin: Flag<false>,
        /// Size of a terminal for the program. All output comes as `stdout`, without a limit, and `stdin` types into
        /// the terminal.
        pty: Maybe<Object<Size>>,
        /// Whether the code runs in the interpreter that the guest keeps for the language, with the state that earlier code
        /// left, instead of a new process. It requires an `op_id` and excludes `stdin` and `pty`. Default: true if the
        /// request has an `op_id`, no `stdin` and no `pty`, and the host never said `hello`.
        session: Maybe<Flag<false>>,
    } => ["stdout", "stderr"] "complete";

    /// Starts the interpreter that the guest keeps for a language, and responds when it is ready. Without it, the first
    /// `exec` in a session starts the interpreter and takes longer.
    "warm_repl" WarmRepl {
        /// Interpreter; `raw` is a shell.
        language: OneOf<Language>,
    } => [] "warm_repl_ack";

    /// Installs packages for code of a language.
    "install_packages" InstallPackages {
        /// Language of the packages; `raw` has no packages.
        language: OneOf<Language>,
        /// Specifications, each with a version: `name==1.0` (python), `name@1.0.0` or `@scope/name@1.0.0` (javascript).
        packages: Packages,
        /// Seconds after which the agent ends the installer; 0 means no limit.
        timeout: Seconds,
    } => ["stdout", "stderr"] "complete";

    /// Begins to write a file, and creates its parent directories. A failed request with the same op_id ends the transfer,
    /// and the file does not appear.
    "write_file" WriteFile {
        /// Name of the transfer.
        op_id: OpId,
        /// Path of the file.
        path: Inside,
        /// Whether the file can be executed.
        make_executable: Flag<false>,
    } => [];

    /// Adds to the file that a `write_file` with the same op_id began.
    "file_chunk" FileChunk {
        /// Name of the transfer.
        op_id: OpId,
        /// Chunk of one zstd frame. If the frame has a checksum, the agent verifies it.
        data: AnyBytes,
    } => [];

    /// Completes the transfer: the agent puts the file in place atomically.
    "file_end" FileEnd {
        /// Name of the transfer.
        op_id: OpId,
    } => [] "file_write_ack";

    /// Reads a file, in chunks of one zstd frame.
    "read_file" ReadFile {
        /// Name of the transfer.
        op_id: OpId,
        /// Path of the file.
        path: Inside,
    } => ["file_chunk"] "file_read_complete";

    /// Lists a directory.
    "list_files" ListFiles {
        /// Path of the directory; the home directory if absent.
        path: Home,
    } => [] "file_list";

    /// Describes a file, a directory or a link.
    "stat" Stat {
        /// Path; the home directory if absent.
        path: Home,
    } => [] "stat";

    /// Creates a directory and its parents.
    "mkdir" Mkdir {
        /// Path of the directory.
        path: Inside,
    } => [] "ack";

    /// Deletes a file, a link or a directory. The agent serves other requests while it deletes a large directory.
    "remove" Remove {
        /// Path.
        path: Inside,
        /// Whether to delete the content of a directory as well.
        recursive: Flag<false>,
    } => [] "ack";

    /// Renames a file. An existing file with the new name is replaced.
    "move" Move {
        /// Path of the file.
        path: Inside,
        /// New path.
        to: Inside,
    } => [] "ack";

    /// Sends standard input to the program of this op_id. The response says how many bytes the program has not read yet.
    "stdin" Stdin {
        /// Name of the program's request.
        op_id: OpId,
        /// Input. On a terminal the agent types it.
        data: AnyBytes,
        /// Whether the input ends here. On a terminal the agent types the end-of-file character, and more input may follow.
        eof: Flag<false>,
    } => [] "ack";

    /// Sends a signal to the program of this op_id and its process group.
    "signal" Signal {
        /// Name of the program's request.
        op_id: OpId,
        /// Number of the signal.
        signal: Number<1, 31>,
    } => [] "ack";

    /// Resizes the terminal of the program of this op_id.
    "resize" Resize {
        /// Name of the program's request.
        op_id: OpId,
        /// Lines.
        rows: Side,
        /// Characters of a line.
        cols: Side,
    } => [] "ack";

    /// Ends the request of this op_id. A program gets SIGKILL, and its `complete` follows; the agent ends a transfer or a
    /// deletion without a further response.
    "cancel" Cancel {
        /// Name of the request to end.
        op_id: OpId,
    } => [] "ack";

    /// Reads the clock. If `unix_ns` is present, sets the clock first.
    "clock" Clock {
        /// Time to set, nanoseconds since 1970.
        unix_ns: Maybe<AnyNumber>,
    } => [] "clock";

    /// Mixes bytes into the kernel's random pool.
    "reseed" Reseed {
        /// Secret bytes.
        data: Bytes<1, { limits::SEED }>,
    } => [] "reseed";

    /// Reports the state of the guest.
    "metrics" Metrics {} => [] "metrics";

    /// Switches the guest off.
    "shutdown" Shutdown {} => [] "ack";
}

/// A parsed line.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The name of the request.
    pub op_id: Option<String>,
    /// The action, if it is a known one.
    pub action: Option<&'static str>,
    /// The request, or the reason for its rejection.
    pub request: Result<Request, Error>,
}

/// Parses a line.
///
/// A line may contain a truncated request of a host that disconnected, followed by a complete request of the next host.
/// The truncated request is discarded. Nothing else on the wire marks where the next host starts.
///
/// The size of the request, within the limits, bounds the memory that parsing takes, whatever else the line contains.
pub fn parse(line: &[u8]) -> Parsed {
    let fields = Fields::collect(line, NAMES).or_else(|failure| {
        let whole = last_object(line).and_then(|rest| Fields::collect(rest, NAMES).ok());
        whole.ok_or(failure)
    });
    let refused = |error| Parsed {
        op_id: None,
        action: None,
        request: Err(error),
    };
    let fields = match fields {
        Ok(fields) => fields,
        Err(Failure::Element(error)) => return refused(error),
        Err(Failure::Type) => return refused(Error::new(ErrorType::Request, "not a JSON object")),
        Err(Failure::Syntax(message)) => {
            let message = format!("not JSON: {message}");
            return refused(Error::new(ErrorType::Request, message));
        }
    };
    let op_id = match fields.read::<Maybe<OpId>>("op_id") {
        Ok(op_id) => op_id,
        Err(error) => return refused(error),
    };
    let action = action(&fields);
    let known = action.as_ref().ok();
    let known = known.and_then(|action| ACTIONS.iter().copied().find(|known| known == action));
    let request = action.and_then(|action| {
        let request = Request::read(&action, &fields)?;
        check(&request)?;
        Ok(request)
    });
    Parsed {
        op_id,
        action: known,
        request,
    }
}

/// Returns the object at the end of a line, if other bytes come before it.
fn last_object(line: &[u8]) -> Option<&[u8]> {
    json::last_object(line)
        .filter(|&start| start > 0)
        .map(|start| &line[start..])
}

/// Reads the action.
fn action(fields: &Fields<'_>) -> Result<String, Error> {
    const LONGEST: usize = 64;
    let refuse = |why: &str| Err(Error::new(ErrorType::Request, format!("action: {why}")));
    match fields.raw("action").map(|raw| json::text(raw, LONGEST)) {
        Some(Ok(action)) => Ok(action),
        Some(Err(None)) => refuse("is longer than all known actions"),
        Some(Err(Some(_))) => refuse("is not a string"),
        None => refuse("is missing"),
    }
}

/// Checks rules that involve several fields of a request.
fn check(request: &Request) -> Result<(), Error> {
    match request {
        Request::InstallPackages(install) => packages::check(install.language, &install.packages),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn error(line: &str) -> Error {
        parse(line.as_bytes()).request.unwrap_err()
    }

    fn exec(rest: &str) -> Result<Exec, Error> {
        let line = format!(r#"{{"action":"exec","language":"python","code":"x"{rest}}}"#);
        match parse(line.as_bytes()).request? {
            Request::Exec(exec) => Ok(exec),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ping_parses_without_op_id() {
        let parsed = parse(br#"{"action":"ping"}"#);
        assert_eq!(parsed.request, Ok(Request::Ping(Ping {})));
        assert_eq!((parsed.op_id, parsed.action), (None, Some("ping")));
    }

    #[test]
    fn exec_parses_all_fields() {
        let line = br#"{"op_id":"a1","timeout":3,"env_vars":{"B":"2","A":"1"},"language":"python","code":"x","\u0061ction":"exec"}"#;
        let parsed = parse(line);
        assert_eq!(parsed.op_id.as_deref(), Some("a1"));
        let expected = Exec {
            language: Language::Python,
            code: "x".to_owned(),
            timeout: Some(Duration::from_secs(3)),
            env_vars: [("A", "1"), ("B", "2")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            stdin: false,
            pty: None,
            session: None,
        };
        assert_eq!(parsed.request, Ok(Request::Exec(expected)));
    }

    #[test]
    fn timeout_absent_null_or_zero_is_none() {
        for rest in ["", r#","timeout":null"#, r#","timeout":0"#] {
            assert_eq!(exec(rest).unwrap().timeout, None, "{rest}");
        }
    }

    #[test]
    fn pty_requires_size_within_limits() {
        let size = |rows, cols| Some(Size { rows, cols });
        for (pty, expected) in [
            ("null", None),
            (r#"{"rows":1,"cols":1000}"#, size(1, 1000)),
            (r#"{"rows":24,"cols":80,"new":1}"#, size(24, 80)),
        ] {
            assert_eq!(exec(&format!(r#","pty":{pty}"#)).unwrap().pty, expected);
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
            let error = exec(&format!(r#","pty":{pty}"#)).unwrap_err();
            assert_eq!(error.kind, ErrorType::Validation, "{pty}");
            assert!(error.message.starts_with("pty: "), "{error}");
        }
    }

    #[test]
    fn parse_ignores_unknown_fields() {
        let line = br#"{"action":"ping","colour":{"\ud800":["red"]}}"#;
        assert_eq!(parse(line).request, Ok(Request::Ping(Ping {})));
    }

    #[test]
    fn parse_rejects_malformed_requests() {
        let deep = "[".repeat(100_000);
        let deep_field = format!(
            r#"{{"action":"ping","x":{}{}}}"#,
            "[".repeat(64),
            "]".repeat(64)
        );
        let long = format!(r#"{{"action":"{}"}}"#, "x".repeat(1000));
        for line in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            "{\"action\":5}",
            "{\"action\":\"fly\"}",
            "{\"action\":\"\\u001b[2J\"}",
            r#"{"action":"\ud800"}"#,
            &deep,
            &deep_field,
            &long,
        ] {
            let error = error(line);
            assert_eq!(error.kind, ErrorType::Request, "{error}");
            assert!(!error.message.contains('\u{1b}') && error.message.len() < 200);
        }
        let parsed = parse(b"\xff\xfe");
        assert_eq!(parsed.request.unwrap_err().kind, ErrorType::Request);
        let parsed = parse(b"{\"action\":\"ping\",\"x\":\"\xff\"}");
        assert_eq!(parsed.request.unwrap_err().kind, ErrorType::Request);
    }

    #[test]
    fn parse_discards_truncated_request_before_complete_one() {
        let code = r#"print(\"{\\\"action\\\": {}}\\\\\")"#;
        let whole = format!(
            r#"{{"action":"exec","op_id":"a","language":"raw","code":"{code}","env_vars":{{"A{{":"\\"}}}} "#
        );
        let expected = parse(whole.as_bytes());
        assert!(expected.request.is_ok(), "{expected:?}");
        for cut in 0..whole.trim_end().len() {
            let mut line = whole.as_bytes()[..cut].to_vec();
            line.extend_from_slice(whole.as_bytes());
            assert_eq!(parse(&line), expected, "{cut}");
        }
        // The error of an invalid complete request carries its op_id.
        let parsed = parse(br#"{"action":"exec","code":"{"action":"fly","op_id":"b"}"#);
        assert_eq!(parsed.op_id.as_deref(), Some("b"));
        assert!(parsed.request.is_err());
    }

    #[test]
    fn errors_name_the_field() {
        use ErrorType::{Code, EnvVar, Validation};
        for (field, kind, rest) in [
            ("language", Validation, r#","language":"cobol""#),
            ("language", Validation, r#","language":null"#),
            ("code", Validation, r#","code":["x"]"#),
            ("code", Validation, r#","code":null"#),
            ("code", Code, r#","code":"""#),
            ("code", Code, r#","code":" \n\t ""#),
            ("code", Code, r#","code":"a\u0000""#),
            ("timeout", Validation, r#","timeout":301"#),
            ("timeout", Validation, r#","timeout":-1"#),
            ("timeout", Validation, r#","timeout":"3""#),
            ("timeout", Validation, r#","timeout":1.5"#),
            ("env_vars", EnvVar, r#","env_vars":[]"#),
            ("env_vars", EnvVar, r#","env_vars":{"A":1}"#),
            ("env_vars", EnvVar, r#","env_vars":{"PATH":""}"#),
            ("op_id", Validation, r#","op_id":7"#),
            ("op_id", Validation, r#","op_id":"""#),
        ] {
            let error = exec(rest).unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.starts_with(field), "{error}");
        }
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
    fn code_is_limited_in_bytes() {
        let code = |length: usize| exec(&format!(r#","code":"{}""#, "\u{e9}".repeat(length / 2)));
        assert!(code(1 << 20).is_ok());
        assert_eq!(code((1 << 20) + 2).unwrap_err().kind, ErrorType::Code);
    }

    #[test]
    fn errors_keep_op_id_and_action() {
        let parsed = parse(br#"{"action":"exec","op_id":"a1"}"#);
        assert_eq!(parsed.op_id.as_deref(), Some("a1"));
        assert_eq!(parsed.action, Some("exec"));
        assert!(parsed.request.is_err());
    }

    #[test]
    fn data_accepts_escapes() {
        let line = br#"{"action":"file_chunk","op_id":"a","data":"\/\u002b8\u003d"}"#;
        let Ok(Request::FileChunk(chunk)) = parse(line).request else {
            panic!()
        };
        assert_eq!(chunk.data, [0xff, 0xef]);
        for data in ["=AAA", r"AAA=\u0041AAA", "AAA", r"\u0041AA"] {
            let line = format!(r#"{{"action":"file_chunk","op_id":"a","data":"{data}"}}"#);
            assert!(error(&line).message.ends_with("is not base64"), "{data}");
        }
    }
}
