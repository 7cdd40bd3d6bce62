//! Names and versions of packages, as far as they go to an installer.

use crate::error::{Error, ErrorType};
use crate::limits;
use crate::request::Language;

/// Python's operators between name and version, longer ones first.
const OPERATORS: &[&str] = &["===", "==", "~=", "!=", ">=", "<=", ">", "<"];

/// Checks the packages of a request. None of them can be taken for an option, a path or an address.
///
/// # Errors
///
/// There are none or too many; one has no version, or characters that neither names nor versions have.
pub fn check(language: Language, packages: &[String]) -> Result<(), Error> {
    if packages.is_empty() || packages.len() > limits::PACKAGES {
        let (count, most) = (packages.len(), limits::PACKAGES);
        return Err(Error::field(
            "packages",
            format_args!("{count} packages are not 1 to {most}"),
        ));
    }
    packages.iter().try_for_each(|package| {
        let checked = match language {
            Language::Python => python(package),
            Language::JavaScript => javascript(package),
            Language::Raw => Err("cannot be installed: a shell has no packages"),
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
        Some((name, rest)) => (name, rest.strip_suffix(']').ok_or("has half a bracket")?),
        None => (name, ""),
    };
    check_name(name)?;
    if !extras
        .split(',')
        .all(|extra| extra.is_empty() || check_name(extra).is_ok())
    {
        return Err("has an extra with other characters than letters, digits and -._");
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
    let (name, version) = package
        .split_once('@')
        .ok_or("has no version, as in name@1.0.0")?;
    check_name(name)?;
    check_version(version.trim_start_matches(['^', '~', '=', '<', '>']), "*")
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > limits::PACKAGE_NAME {
        return Err("has a name of not 1 to 214 characters");
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err("has a name that begins with neither a letter nor a digit");
    }
    if name.contains("..")
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
    {
        return Err("has a name with other characters than letters, digits and -._");
    }
    Ok(())
}

fn check_version(version: &str, more: &str) -> Result<(), &'static str> {
    if version.is_empty() || version.len() > limits::PACKAGE_VERSION {
        return Err("has a version of not 1 to 128 characters");
    }
    if version.contains("..")
        || !version.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '*')
        || !version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._+!".contains(c) || more.contains(c))
    {
        return Err("has a version with other characters than letters, digits and -._+!*");
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
    fn ordinary_packages() {
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
        for package in ["lodash@4.17.21", "left-pad@^1.3.0", "x@latest", "y@>=1.0.0"] {
            assert_eq!(one(Language::JavaScript, package), Ok(()), "{package}");
        }
    }

    #[test]
    fn what_is_no_package() {
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
            "@scope/x@1",
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
    fn the_number_is_limited() {
        let packages = vec!["a==1".to_owned(); 51];
        assert!(check(Language::Python, &packages[..50]).is_ok());
        for wrong in [&packages[..], &[]] {
            let error = check(Language::Python, wrong).unwrap_err();
            assert_eq!(error.kind, ErrorType::Validation);
        }
    }
}
