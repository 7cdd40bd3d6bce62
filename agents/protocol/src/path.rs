//! Paths of hosts in the home directory of user code.

use serde_json::{json, Value};

use crate::codec::{self, Codec, Examples, Read};
use crate::error::{Error, ErrorType};
use crate::limits;

/// A path below the home directory: relative, within the limits, and never above the home directory.
///
/// `a/../b` is `b`, whether or not `a` exists. Symlinks are not resolved here; the caller opens the path with
/// `RESOLVE_BENEATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomePath(String);

impl HomePath {
    /// Checks a path. The empty path is the home directory.
    ///
    /// # Errors
    ///
    /// The path is absolute, leads out of the home directory by `..`, contains a zero byte, or exceeds a limit.
    pub fn new(text: String) -> Result<Self, Error> {
        let wrong = |why: &str| Err(Error::new(ErrorType::Path, why));
        if text.len() > limits::PATH {
            let most = limits::PATH;
            return wrong(&format!("is longer than {most} bytes"));
        }
        if text.contains('\0') {
            return wrong("contains a zero byte");
        }
        if text.starts_with('/') {
            return wrong("is absolute: paths are relative to the home directory");
        }
        if resolve(&text).is_none() {
            return wrong("leads out of the home directory");
        }
        if text.split('/').any(|name| name.len() > limits::NAME) {
            let most = limits::NAME;
            return wrong(&format!("contains a name longer than {most} bytes"));
        }
        Ok(Self(text))
    }

    /// Checks the path of an entry below the home directory.
    ///
    /// # Errors
    ///
    /// As for [`HomePath::new`], or the path is that of the home directory.
    pub fn inside(text: String) -> Result<Self, Error> {
        let path = Self::new(text)?;
        if path.names().next().is_none() {
            return Err(Error::new(ErrorType::Path, "is the home directory itself"));
        }
        Ok(path)
    }

    /// Returns the path as the host wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the components of the path, without empty ones and `.`, and with each `..` resolved.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        resolve(&self.0).unwrap_or_default().into_iter()
    }
}

/// Returns the components of a path, if it never leaves its start directory.
fn resolve(text: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    for name in text.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            _ => names.push(name),
        }
    }
    Some(names)
}

/// The path of an entry below the home directory.
pub struct Inside;

/// The path of the home directory, which is the default, or of an entry below it.
pub struct Home;

/// Returns the JSON Schema of a path. `nothing` excludes paths of the home directory itself.
///
/// A regular expression cannot count. It rejects a path that begins with `..`; the agent rejects paths that lead out of the
/// home directory later.
fn schema(nothing: &str) -> Value {
    // `(?!\n)` is for engines whose `$` also matches before a final newline.
    let upwards = r"(?!(?:\.?/)*\.\.(?:/|$(?!\n)))";
    let names = format!("(?![^/]{{{}}})", limits::NAME + 1);
    json!({
        "type": "string",
        "maxLength": limits::PATH,
        "pattern": format!(r"^(?!/){upwards}{nothing}(?:{names}[^/\u0000]*(?:/|$(?!\n)))*$(?!\n)"),
    })
}

fn examples() -> Examples {
    let long = "x".repeat(limits::NAME);
    let good = ["a/b", "..a/b..", "./a//b/", "a/../b", &long, "ü\n"]
        .map(Value::from)
        .to_vec();
    let mut bad = codec::not_strings();
    bad.extend(["/", "/a", "..", "./..", "../a", "./../a", "a\0"].map(Value::from));
    bad.extend([json!(long + "x"), json!("x/".repeat(limits::PATH / 2 + 1))]);
    Examples { good, bad }
}

fn homes() -> [Value; 4] {
    ["", ".", "./", "././/."].map(Value::from)
}

impl Codec for Inside {
    type Value = HomePath;

    fn schema() -> Value {
        schema(r"(?!(?:\.?/)*\.?$(?!\n))")
    }

    fn summary() -> String {
        "path, not the home directory itself".to_owned()
    }

    fn examples() -> Examples {
        let mut examples = examples();
        examples.bad.extend(homes());
        examples
    }
}

impl Read for Inside {
    fn read(raw: &str) -> Result<HomePath, Error> {
        HomePath::inside(codec::read_text(raw, limits::PATH, ErrorType::Path)?)
    }
}

impl Codec for Home {
    type Value = HomePath;

    const REQUIRED: bool = false;

    fn schema() -> Value {
        schema("")
    }

    fn summary() -> String {
        "path".to_owned()
    }

    fn examples() -> Examples {
        let mut examples = examples();
        examples.good.extend(homes());
        examples
    }
}

impl Read for Home {
    fn read(raw: &str) -> Result<HomePath, Error> {
        HomePath::new(codec::read_text(raw, limits::PATH, ErrorType::Path)?)
    }

    fn absent() -> Option<HomePath> {
        Some(HomePath(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_accepts_relative_paths() {
        for path in ["a", "a/b.txt", "./a", "a//b/", "..a", "a..", "ü b\n", "..."] {
            let parsed = HomePath::inside(path.to_owned()).unwrap();
            assert_eq!(parsed.as_str(), path);
        }
        let path = HomePath::new("./a//b/.".to_owned()).unwrap();
        assert_eq!(path.names().collect::<Vec<_>>(), ["a", "b"]);
        let path = HomePath::new("a/b/../../c/./../d".to_owned()).unwrap();
        assert_eq!(path.names().collect::<Vec<_>>(), ["d"]);
    }

    #[test]
    fn new_rejects_paths_outside_home() {
        let long_name = "x".repeat(256);
        let long_path = "x/".repeat(2049);
        for path in [
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../..",
            "a/../../a",
            "a/b/../../../c",
            "a\0b",
            &long_name,
            &long_path,
        ] {
            let error = HomePath::new(path.to_owned()).unwrap_err();
            assert_eq!(error.kind, ErrorType::Path, "{path}");
        }
    }

    #[test]
    fn inside_rejects_home_itself() {
        for path in ["", ".", "./", "a/.."] {
            assert!(HomePath::inside(path.to_owned()).is_err(), "{path}");
        }
        assert!(HomePath::new(String::new()).is_ok());
    }
}
