//! Paths in the home of user code, as hosts name them.

use crate::error::{Error, ErrorType};
use crate::limits;

/// A path below the home: relative, without `..`, within the limits. What its links lead to is for who opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomePath(String);

impl HomePath {
    /// Checks a path; an empty one is the home itself.
    ///
    /// # Errors
    ///
    /// It is absolute, leads upwards, is too long, or holds a zero byte.
    pub fn new(text: String) -> Result<Self, Error> {
        let wrong = |why: &str| Err(Error::new(ErrorType::Path, format!("the path {why}")));
        if text.len() > limits::PATH {
            let most = limits::PATH;
            return wrong(&format!("is longer than {most} bytes"));
        }
        if text.contains('\0') {
            return wrong("holds a zero byte");
        }
        if text.starts_with('/') {
            return wrong("is absolute: paths are relative to the home");
        }
        if text.split('/').any(|name| name == "..") {
            return wrong("leads upwards");
        }
        if text.split('/').any(|name| name.len() > limits::NAME) {
            let most = limits::NAME;
            return wrong(&format!("holds a name longer than {most} bytes"));
        }
        Ok(Self(text))
    }

    /// Checks the path of something in the home: not the home itself.
    ///
    /// # Errors
    ///
    /// As for [`HomePath::new`], or it is empty.
    pub fn inside(text: String) -> Result<Self, Error> {
        let path = Self::new(text)?;
        if path.names().next().is_none() {
            return Err(Error::new(ErrorType::Path, "the path names no file"));
        }
        Ok(path)
    }

    /// Returns the path as the host wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the names that it leads through.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0
            .split('/')
            .filter(|name| !name.is_empty() && *name != ".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths() {
        for path in ["a", "a/b.txt", "./a", "a//b/", "..a", "a..", "ü b\n", "..."] {
            let parsed = HomePath::inside(path.to_owned()).unwrap();
            assert_eq!(parsed.as_str(), path);
        }
        let path = HomePath::new("./a//b/.".to_owned()).unwrap();
        assert_eq!(path.names().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn paths_that_lead_elsewhere() {
        let long_name = "x".repeat(256);
        let long_path = "x/".repeat(2049);
        for path in [
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "a\0b",
            &long_name,
            &long_path,
        ] {
            let error = HomePath::new(path.to_owned()).unwrap_err();
            assert_eq!(error.kind, ErrorType::Path, "{path}");
        }
    }

    #[test]
    fn the_home_is_no_file() {
        for path in ["", ".", "./", "a/.."] {
            assert!(HomePath::inside(path.to_owned()).is_err(), "{path}");
        }
        assert!(HomePath::new(String::new()).is_ok());
    }
}
