//! Environment variables that a host may set for user code.

use std::collections::BTreeMap;

use serde_json::{json, Map, Value};

use crate::codec::{self, Codec, Examples, Read};
use crate::error::{Error, ErrorType};
use crate::json;
use crate::limits;

/// Names that change how the loader loads a program, or that make an interpreter run other code first.
pub(crate) const BLOCKED: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "BASH_LOADABLES_PATH",
    "ENV",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "IFS",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_TRACE",
    "NIS_PATH",
    "NLSPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PROMPT_COMMAND",
    "PS4",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONPLATLIBDIR",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "RUBYLIB",
    "RUBYOPT",
    "SHELLOPTS",
];

/// Prefixes of such names: those of the loader, and functions that bash imports.
pub(crate) const BLOCKED_PREFIXES: &[&str] = &["BASH_FUNC_", "LD_"];

/// Environment variables: values by name. If a name occurs twice, the last one counts.
pub struct Variables;

impl Codec for Variables {
    type Value = BTreeMap<String, String>;

    const REQUIRED: bool = false;

    fn schema() -> Value {
        // `(?!\n)` is for engines whose `$` also matches before a final newline.
        let controls = r"\u0000-\u0008\u000a-\u001f\u007f-\u009f";
        let escapes = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f";
        let blocked = BLOCKED.iter().map(|name| format!(r"{name}$(?!\n)"));
        let prefixes = BLOCKED_PREFIXES.iter().map(|prefix| (*prefix).to_owned());
        let refused = blocked.chain(prefixes).collect::<Vec<_>>().join("|");
        json!({
            "type": "object",
            "maxProperties": limits::VARIABLES,
            "propertyNames": {
                "maxLength": limits::VARIABLE_NAME,
                "pattern": format!(r"^(?!{refused})[^={controls}]+$(?!\n)"),
            },
            "additionalProperties": {
                "type": "string",
                "maxLength": limits::VARIABLE_VALUE,
                "pattern": format!("^[^{escapes}]*$"),
            },
        })
    }

    fn summary() -> String {
        "object of texts".to_owned()
    }

    fn examples() -> Examples {
        let some = |count: usize| {
            let entries = (0..count).map(|number| (format!("V{number}"), json!("")));
            Value::Object(entries.collect::<Map<_, _>>())
        };
        let one = |name: &str, value: &str| json!({name: value});
        let long = "\u{fc}".repeat(limits::VARIABLE_NAME);
        let most = "\u{fc}".repeat(limits::VARIABLE_VALUE);
        let good = vec![
            some(0),
            some(limits::VARIABLES),
            one(&long, &most),
            one("PATHS", "=\t"),
            one("KEY", "-----BEGIN\r\n\nEND-----\n"),
        ];
        let mut bad = vec![
            json!([]),
            json!("A=1"),
            json!({"A": 1}),
            some(limits::VARIABLES + 1),
        ];
        for (name, value) in [
            ("", ""),
            ("A=", ""),
            ("A\n", ""),
            ("\u{9c}", ""),
            ("A\r", ""),
            ("A", "\u{85}"),
            ("A", "\n\0"),
            ("A", "\u{1b}[2J"),
            ("PATH", "/"),
            ("LD_PRELOAD", "x"),
            (&format!("{long}x"), ""),
            ("A", &format!("{most}x")),
        ] {
            bad.push(one(name, value));
        }
        Examples { good, bad }
    }
}

impl Read for Variables {
    fn read(raw: &str) -> Result<Self::Value, Error> {
        let mut variables = BTreeMap::new();
        let read = json::entries(raw.as_bytes(), |name, value| {
            // A character has up to four bytes; check() counts characters.
            let text = |raw, most| codec::read_text(raw, most * 4, ErrorType::EnvVar);
            let name = text(name, limits::VARIABLE_NAME)?;
            let value = text(value, limits::VARIABLE_VALUE)?;
            check(&name, &value)?;
            if variables.len() >= limits::VARIABLES && !variables.contains_key(&name) {
                let most = limits::VARIABLES;
                return Err(Error::value(format!("has more than {most} variables")));
            }
            variables.insert(name, value);
            Ok(())
        });
        let refused = |failure| codec::not_elements(failure, "an object of strings", raw);
        match read.map_err(refused) {
            Ok(()) => Ok(variables),
            Err(error) => Err(Error::new(ErrorType::EnvVar, error.message)),
        }
    }

    fn absent() -> Option<Self::Value> {
        Some(BTreeMap::new())
    }
}

/// Checks a variable that a request sets.
///
/// # Errors
///
/// The name is blocked, or the name or the value is too long or contains a control character, which could inject escape
/// sequences into a terminal or a log. Tabs are allowed. Values, such as certificates, may also contain line ends.
pub fn check(name: &str, value: &str) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::new(ErrorType::EnvVar, why));
    if name.is_empty() || longer(name, limits::VARIABLE_NAME) {
        let most = limits::VARIABLE_NAME;
        return refuse(format!("a name must have 1 to {most} characters"));
    }
    // From here on, messages may contain the escaped name.
    if name.contains('=') || name.chars().any(is_control) {
        return refuse(format!(
            "{name:?} contains a control character or an equals sign"
        ));
    }
    if is_blocked(name) {
        return refuse(format!(
            "{name} is blocked: it changes the loader or an interpreter"
        ));
    }
    if longer(value, limits::VARIABLE_VALUE) {
        let most = limits::VARIABLE_VALUE;
        return refuse(format!(
            "the value of {name} is longer than {most} characters"
        ));
    }
    let is_line_end = |character| matches!(character, '\n' | '\r');
    if value
        .chars()
        .any(|character| is_control(character) && !is_line_end(character))
    {
        return refuse(format!("the value of {name} contains a control character"));
    }
    Ok(())
}

fn longer(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_some()
}

/// Includes control characters beyond ASCII: for some terminals U+009B begins an escape sequence.
fn is_control(character: char) -> bool {
    character.is_control() && character != '\t'
}

fn is_blocked(name: &str) -> bool {
    BLOCKED.contains(&name) || BLOCKED_PREFIXES.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_accepts_ordinary_variables() {
        for (name, value) in [
            ("GREETING", "grüß dich\tso"),
            ("A", ""),
            ("lower.case-1", "="),
            ("PATHS", "/"),
            ("KEY", "-----BEGIN\r\nEND-----\n"),
        ] {
            assert_eq!(check(name, value), Ok(()));
        }
    }

    #[test]
    fn check_rejects_blocked_names() {
        for name in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_ANYTHING",
            "GLIBC_TUNABLES",
            "NODE_OPTIONS",
            "PYTHONSTARTUP",
            "PYTHONHOME",
            "PYTHONPATH",
            "BASH_ENV",
            "ENV",
            "IFS",
            "PATH",
            "GCONV_PATH",
            "BASH_FUNC_ls%%",
        ] {
            let error = check(name, "x").unwrap_err();
            assert!(error.message.contains(name), "{error}");
        }
    }

    #[test]
    fn check_rejects_control_characters() {
        for control in (0..0x20).chain(0x7f..0xa0).filter(|&code| code != 0x09) {
            let text = char::from_u32(control).unwrap().to_string();
            if !matches!(control, 0x0a | 0x0d) {
                assert!(check("NAME", &text).is_err(), "{control}");
            }
            let error = check(&text, "value").unwrap_err();
            assert!(!error.message.contains(&text), "{control}");
        }
    }

    #[test]
    fn check_limits_characters() {
        assert!(check(&"ü".repeat(256), &"ü".repeat(4096)).is_ok());
        assert!(check(&"n".repeat(257), "").is_err());
        assert!(check("N", &"v".repeat(4097)).is_err());
        assert!(check("", "").is_err());
        assert!(check("A=B", "").is_err());
    }

    #[test]
    fn read_rejects_too_many_variables() {
        let some = |count: usize| {
            let entries: Vec<_> = (0..count)
                .map(|number| format!("\"V{number}\":\"\""))
                .collect();
            Variables::read(&format!("{{{}}}", entries.join(",")))
        };
        assert_eq!(some(100).unwrap().len(), 100);
        assert_eq!(some(101).unwrap_err().kind, ErrorType::EnvVar);
    }

    #[test]
    fn block_lists_are_sorted() {
        assert!(BLOCKED.is_sorted() && BLOCKED_PREFIXES.is_sorted());
    }
}
