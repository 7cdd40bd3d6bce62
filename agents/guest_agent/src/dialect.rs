//! Starts the interpreter of a session, and formats requests for it.
//!
//! Python and JavaScript read one JSON object per line: `token`, `code`, `env` and `seed`. A shell cannot parse JSON. It
//! evaluates a string of commands instead, and reads its code from a file. All answer `{"token": …, "exit_code": …}`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use protocol::Language;

use crate::channel::Token;
use crate::config::Config;
use crate::language;
use crate::scratch::Script;

/// The session loops of the languages, passed as arguments.
const PYTHON: &str = include_str!("../interpreters/python.py");
const SHELL: &str = include_str!("../interpreters/shell.sh");
const NODE: &str = concat!(
    "(() => {\n",
    include_str!("../interpreters/javascript.js"),
    include_str!("../interpreters/javascript_node.js"),
    "})();\n"
);
const BUN: &str = concat!(
    "(() => {\n",
    include_str!("../interpreters/javascript.js"),
    include_str!("../interpreters/javascript_bun.js"),
    "})();\n"
);

/// Code for an interpreter.
pub struct Code<'a> {
    /// The source; blank source does nothing.
    pub text: &'a str,
    /// Environment variables to set, which persist in the session.
    pub variables: &'a BTreeMap<String, String>,
}

/// A formatted request, and the file that it refers to.
pub struct Prepared {
    /// The bytes for the channel.
    pub message: Vec<u8>,
    /// The file with the code, for a shell.
    pub script: Option<Script>,
}

/// Returns the command that starts an interpreter, without user and limits.
pub fn command(language: Language, config: &Config) -> Command {
    let (mut command, arguments) = match language {
        Language::Python => (Command::new("python3"), vec!["-c", PYTHON]),
        Language::JavaScript => match language::javascript() {
            "bun" => (Command::new("bun"), vec!["-e", BUN]),
            node => (Command::new(node), vec!["-e", NODE]),
        },
        Language::Raw => (
            Command::new("bash"),
            vec!["--norc", "--noprofile", "-c", SHELL, "bash"],
        ),
    };
    language::set_environment(&mut command, language, &config.home);
    command.args(arguments).stdin(std::process::Stdio::null());
    command
}

/// Prepares a request to run code.
///
/// # Errors
///
/// The kernel returned no random bytes for a seed, or the code could not be written to a file.
pub fn prepare(
    language: Language,
    code: &Code<'_>,
    token: &Token,
    config: &Config,
) -> io::Result<Prepared> {
    if language == Language::Raw {
        return prepare_shell(code, token, config);
    }
    let mut line = Vec::with_capacity(code.text.len() + 256);
    let request = [
        ("{\"token\":", json(token.as_str())?),
        (",\"seed\":", json(Token::new()?.as_str())?),
        (",\"env\":", serde_json::to_vec(code.variables)?),
    ];
    for (name, value) in request {
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(&value);
    }
    line.extend_from_slice(b",\"code\":");
    serde_json::to_writer(&mut line, code.text)?;
    line.extend_from_slice(b"}\n");
    Ok(Prepared {
        message: line,
        script: None,
    })
}

fn json(text: &str) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(text)?)
}

/// Prepares the string that a shell evaluates: ASCII, after its length as eight digits.
///
/// The loop around the code is for `break` and `continue` outside of loops of the code. Tracing is off outside the code.
fn prepare_shell(code: &Code<'_>, token: &Token, config: &Config) -> io::Result<Prepared> {
    let mut commands = String::new();
    for (name, value) in code.variables.iter().filter(|(name, _)| is_variable(name)) {
        commands += &format!(" builtin export {name}={};", quoted(value));
    }
    let mut script = None;
    if !code.text.trim().is_empty() {
        let file = Script::write(&config.scratch, "main.sh", code.text)?;
        let mut run = "builtin source ";
        if code.text.starts_with("#!") {
            run = "";
            fs::set_permissions(file.path(), fs::Permissions::from_mode(0o755))?;
        }
        let path = quoted(&path_text(file.path())?);
        commands += &format!(
            " {{ $_exec_trace; }} 2>/dev/null; for _exec_string in 1; do {run}{path} 199>&-; done;"
        );
        script = Some(file);
    }
    commands += &format!(" {{ _exec_answer {} \"$?\"; }} 2>/dev/null", token.as_str());
    Ok(Prepared {
        message: format!("{:08}{commands}", commands.len()).into_bytes(),
        script,
    })
}

fn path_text(path: &Path) -> io::Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| io::Error::other("the path is not valid UTF-8"))
}

/// Returns whether a name is valid for a variable of a shell.
fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// Quotes a text for bash, as ASCII.
fn quoted(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut word = String::from("$'");
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\') {
            word.push(char::from(byte));
        } else {
            word += &format!("\\{byte:03o}");
        }
    }
    word + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_returns_one_word() {
        assert_eq!(quoted("a'b $c"), r"'a'\''b $c'");
        assert_eq!(quoted("a'\\\n\u{e9} $c"), r"$'a\047\134\012\303\251 $c'");
    }

    #[test]
    fn is_variable_rejects_other_names() {
        for name in ["A", "_a1", "z_"] {
            assert!(is_variable(name), "{name}");
        }
        for name in ["", "1a", "a-b", "a.b", "ä", "a b", "A;id"] {
            assert!(!is_variable(name), "{name}");
        }
    }
}
