//! Package specifications, which the agent passes to an installer.

use serde_json::{json, Value};

use crate::codec::{self, Codec, Examples, Read};
use crate::error::{Error, ErrorType};
use crate::json;
use crate::limits;
use crate::types::Language;

/// Python's operators between name and version, longer ones first.
const OPERATORS: &[&str] = &["===", "==", "~=", "!=", ">=", "<=", ">", "<"];

/// Package specifications. [`check`] validates the syntax of each language.
pub struct Packages;

impl Codec for Packages {
    type Value = Vec<String>;

    fn schema() -> Value {
        json!({
            "type": "array",
            "minItems": 1,
            "maxItems": limits::PACKAGES,
            "items": {"type": "string", "maxLength": limits::PACKAGE},
        })
    }

    fn summary() -> String {
        "list of texts".to_owned()
    }

    fn examples() -> Examples {
        let some = |count: usize| json!(vec!["six==1.0"; count]);
        let bad = vec![
            some(0),
            json!("six==1.0"),
            json!([1]),
            some(limits::PACKAGES + 1),
        ];
        Examples {
            good: vec![some(1), some(limits::PACKAGES)],
            bad,
        }
    }
}

impl Read for Packages {
    fn read(raw: &str) -> Result<Vec<String>, Error> {
        let most = limits::PACKAGES;
        let mut packages = Vec::new();
        json::items(raw.as_bytes(), |package| {
            if packages.len() >= most {
                return Err(Error::value(format!("has more than {most} packages")));
            }
            let package = codec::read_text(package, limits::PACKAGE, ErrorType::Package)?;
            packages.push(package);
            Ok(())
        })
        .map_err(|failure| codec::not_elements(failure, "a list of strings", raw))?;
        if packages.is_empty() {
            return Err(Error::value("is empty"));
        }
        Ok(packages)
    }
}

/// Checks the packages of a request. An installer cannot mistake a valid one for an option, a path or an address.
///
/// # Errors
///
/// A package lacks a version or contains invalid characters, or the language has no packages.
pub fn check(language: Language, packages: &[String]) -> Result<(), Error> {
    packages.iter().try_for_each(|package| {
        let checked = match language {
            Language::Python => python(package),
            Language::JavaScript => javascript(package),
            Language::Raw => Err("cannot be installed: raw has no packages"),
        };
        checked.map_err(|why| {
            let shown: String = package.chars().take(80).collect();
            Error::new(ErrorType::Package, format!("the package {shown:?} {why}"))
        })
    })
}

fn python(package: &str) -> Result<(), &'static str> {
    let end = package
        .find(['=', '~', '!', '<', '>'])
        .ok_or("has no version, as in name==1.0")?;
    let (name, versions) = package.split_at(end);
    let (name, extras) = match name.split_once('[') {
        Some((name, rest)) => (
            name,
            rest.strip_suffix(']').ok_or("lacks a closing bracket")?,
        ),
        None => (name, ""),
    };
    check_name(name)?;
    if !extras
        .split(',')
        .all(|extra| extra.is_empty() || check_name(extra).is_ok())
    {
        return Err("has an extra with characters other than letters, digits and -._");
    }
    versions.split(',').try_for_each(|version| {
        let operator = OPERATORS
            .iter()
            .find(|operator| version.starts_with(**operator))
            .ok_or("has a version without ==, ~=, !=, <, <=, > or >=")?;
        check_version(&version[operator.len()..], "*")
    })
}

fn javascript(package: &str) -> Result<(), &'static str> {
    // A scoped name begins with `@`, which also separates name and version.
    let scoped = package.strip_prefix('@');
    let (name, version) = scoped
        .unwrap_or(package)
        .split_once('@')
        .ok_or("has no version, as in name@1.0.0 or @scope/name@1.0.0")?;
    if scoped.is_some() {
        let (scope, name) = name.split_once('/').ok_or("has a scope without a name")?;
        check_name(scope)?;
        check_name(name)?;
    }
    if name.len() > limits::PACKAGE_NAME {
        return Err(LONG_NAME);
    }
    if scoped.is_none() {
        check_name(name)?;
    }
    check_version(version.trim_start_matches(['^', '~', '=', '<', '>']), "*")
}

const LONG_NAME: &str = "needs a name of 1 to 214 characters";

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > limits::PACKAGE_NAME {
        return Err(LONG_NAME);
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err("has a name that does not begin with a letter, a digit or _");
    }
    if name.contains("..")
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
    {
        return Err("has a name with characters other than letters, digits and -._");
    }
    Ok(())
}

fn check_version(version: &str, more: &str) -> Result<(), &'static str> {
    if version.is_empty() || version.len() > limits::PACKAGE_VERSION {
        return Err("needs a version of 1 to 128 characters");
    }
    if version.contains("..")
        || !version.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '*')
        || !version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._+!".contains(c) || more.contains(c))
    {
        return Err("has a version with characters other than letters, digits and -._+!*");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(language: Language, package: &str) -> Result<(), Error> {
        check(language, &[package.to_owned()])
    }

    #[test]
    fn check_accepts_ordinary_packages() {
        for package in [
            "pandas==2.0.0",
            "a>=1,<2",
            "zope.interface~=5.0",
            "requests[socks,http2]==2.31.*",
            "torch==2.1.0+cpu",
            "x===1!2.0",
            "A_b-c!=1",
        ] {
            assert_eq!(one(Language::Python, package), Ok(()), "{package}");
        }
        for package in [
            "lodash@4.17.21",
            "left-pad@^1.3.0",
            "x@latest",
            "y@>=1.0.0",
            "@types/node@20.0.0",
            "@a/b@~1",
        ] {
            assert_eq!(one(Language::JavaScript, package), Ok(()), "{package}");
        }
    }

    #[test]
    fn check_rejects_malformed_packages() {
        let long = "x".repeat(215) + "==1";
        for package in [
            "",
            "pandas",
            "==1",
            "--index-url==x",
            "-r==1",
            "../x==1",
            "a/b==1",
            "a\\b==1",
            "x==1; rm",
            "x==1 y",
            "x @ file:///x==1",
            "x==../y",
            "x==1\n",
            "x[a==1",
            "x[/]==1",
            "x==",
            "x=1",
            "x==1,",
            "ü==1",
            &long,
        ] {
            let error = one(Language::Python, package).unwrap_err();
            assert_eq!(error.kind, ErrorType::Package, "{package}");
        }
        for package in [
            "",
            "lodash",
            "@1",
            "@scope/x",
            "@scope@1",
            "@/x@1",
            "@scope/@1",
            "@scope/../x@1",
            "@scope/x/y@1",
            "@@x/y@1",
            "scope/x@1",
            "x@",
            "x@file:../y",
            "x@../y",
            "x@1 y",
            "-g@1",
            "x@npm:y@1",
        ] {
            let error = one(Language::JavaScript, package).unwrap_err();
            assert_eq!(error.kind, ErrorType::Package, "{package}");
        }
        assert!(one(Language::Raw, "bash==5").is_err());
    }

    #[test]
    fn read_rejects_too_many_packages() {
        let some = |count: usize| Packages::read(&json!(vec!["a==1"; count]).to_string());
        assert_eq!(some(50).unwrap().len(), 50);
        for count in [0, 51] {
            assert_eq!(some(count).unwrap_err().kind, ErrorType::Validation);
        }
    }
}
