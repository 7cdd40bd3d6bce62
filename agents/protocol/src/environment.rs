//! Which environment variables a host may set for user code.

use crate::error::Error;
use crate::limits;

const FIELD: &str = "env_vars";

/// Names that change how a program is loaded, or what an interpreter runs before the code that it was given.
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

/// Beginnings of such names: the loader's, and functions that bash imports.
pub(crate) const BLOCKED_PREFIXES: &[&str] = &["BASH_FUNC_", "LD_"];

/// Checks variables that a request sets.
///
/// # Errors
///
/// There are too many, or a name or value is too long, blocked, or holds a control character other than tab: those
/// inject escape sequences into whatever shows them.
pub fn check(variables: &[(String, String)]) -> Result<(), Error> {
    if variables.len() > limits::VARIABLES {
        let (count, most) = (variables.len(), limits::VARIABLES);
        return Err(Error::field(
            FIELD,
            format_args!("{count} variables are more than {most}"),
        ));
    }
    variables
        .iter()
        .try_for_each(|(name, value)| check_one(name, value))
}

fn check_one(name: &str, value: &str) -> Result<(), Error> {
    if name.is_empty() || longer(name, limits::VARIABLE_NAME) {
        let most = limits::VARIABLE_NAME;
        return Err(Error::field(
            FIELD,
            format_args!("a name must have 1 to {most} characters"),
        ));
    }
    // From here on the name may be shown, escaped.
    if name.contains('=') || name.chars().any(is_control) {
        return Err(Error::field(
            FIELD,
            format_args!("{name:?} holds a control character or an equals sign"),
        ));
    }
    if is_blocked(name) {
        return Err(Error::field(
            FIELD,
            format_args!("{name} is blocked: it changes the loader or an interpreter"),
        ));
    }
    if longer(value, limits::VARIABLE_VALUE) {
        let most = limits::VARIABLE_VALUE;
        return Err(Error::field(
            FIELD,
            format_args!("the value of {name} is longer than {most} characters"),
        ));
    }
    if value.chars().any(is_control) {
        return Err(Error::field(
            FIELD,
            format_args!("the value of {name} holds a control character"),
        ));
    }
    Ok(())
}

fn longer(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_some()
}

/// Those behind ASCII count: to some terminals U+009B begins an escape sequence.
fn is_control(character: char) -> bool {
    character.is_control() && character != '\t'
}

fn is_blocked(name: &str) -> bool {
    BLOCKED.contains(&name) || BLOCKED_PREFIXES.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Result<(), Error> {
        check(&[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn ordinary_variables_pass() {
        for (name, value) in [
            ("GREETING", "grüß dich\tso"),
            ("A", ""),
            ("lower.case-1", "="),
            ("PATHS", "/"),
        ] {
            assert_eq!(one(name, value), Ok(()));
        }
    }

    #[test]
    fn documented_names_are_blocked() {
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
            let error = one(name, "x").unwrap_err();
            assert!(error.message.contains(name), "{error}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for control in (0..0x20).chain(0x7f..0xa0).filter(|&code| code != 0x09) {
            let text = char::from_u32(control).unwrap().to_string();
            assert!(one("NAME", &text).is_err(), "{control}");
            let error = one(&text, "value").unwrap_err();
            assert!(!error.message.contains(&text), "{control}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(one(&"ü".repeat(256), &"ü".repeat(4096)).is_ok());
        assert!(one(&"n".repeat(257), "").is_err());
        assert!(one("N", &"v".repeat(4097)).is_err());
        assert!(one("", "").is_err());
        assert!(one("A=B", "").is_err());
    }

    #[test]
    fn at_most_a_hundred() {
        let some = |count: usize| -> Vec<_> {
            (0..count)
                .map(|number| (format!("V{number}"), String::new()))
                .collect()
        };
        assert!(check(&some(100)).is_ok());
        assert!(check(&some(101)).is_err());
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(BLOCKED.is_sorted() && BLOCKED_PREFIXES.is_sorted());
    }
}
