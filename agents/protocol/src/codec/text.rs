//! Text fields.

use std::marker::PhantomData;

use serde_json::{json, Value};

use super::{not_strings, not_text, read_text, write_json, Codec, Examples, Read, Write};
use crate::error::{Error, ErrorType};
use crate::json;
use crate::limits;
use crate::types::Word;

fn letters(count: usize) -> Value {
    json!("x".repeat(count))
}

/// A text of `LEAST` to `MOST` bytes.
pub struct Text<const LEAST: usize, const MOST: usize>;

impl<const LEAST: usize, const MOST: usize> Codec for Text<LEAST, MOST> {
    type Value = String;

    fn schema() -> Value {
        json!({
            "type": "string",
            "minLength": LEAST.div_ceil(4),
            "maxLength": MOST,
            "x-bytes": [LEAST, MOST],
        })
    }

    fn summary() -> String {
        format!("text of {LEAST} to {MOST} bytes")
    }

    fn examples() -> Examples {
        let mut bad = not_strings();
        bad.extend(LEAST.checked_sub(1).map(letters));
        bad.push(letters(MOST + 1));
        Examples {
            good: vec![letters(LEAST), letters(MOST)],
            bad,
        }
    }
}

impl<const LEAST: usize, const MOST: usize> Read for Text<LEAST, MOST> {
    fn read(raw: &str) -> Result<String, Error> {
        let text = read_text(raw, MOST, ErrorType::Validation)?;
        if text.len() < LEAST {
            return Err(Error::value(format!("is shorter than {LEAST} bytes")));
        }
        Ok(text)
    }
}

/// A text of a response, with the type `T` in Rust.
pub struct Line<T>(PhantomData<T>);

impl<T: AsRef<str>> Codec for Line<T> {
    type Value = T;

    fn schema() -> Value {
        json!({"type": "string"})
    }

    fn summary() -> String {
        "text".to_owned()
    }

    fn examples() -> Examples {
        Examples {
            good: vec![json!(""), json!("ü\n\u{0}\u{fffd}")],
            bad: not_strings(),
        }
    }
}

impl<T: AsRef<str> + From<&'static str>> Write for Line<T> {
    fn write(value: &T, line: &mut Vec<u8>) {
        write_json(value.as_ref(), line);
    }

    fn sample(full: bool) -> T {
        T::from(if full { "a\n\"\0\u{2028}\u{fffd}" } else { "" })
    }
}

/// One of the names of an enum.
pub struct OneOf<T>(PhantomData<T>);

fn names<T: Word>() -> Vec<&'static str> {
    T::ALL.iter().map(|word| word.name()).collect()
}

impl<T: Word> Codec for OneOf<T> {
    type Value = T;

    fn schema() -> Value {
        json!({"enum": names::<T>()})
    }

    fn summary() -> String {
        names::<T>().join(", ")
    }

    fn examples() -> Examples {
        let mut bad = not_strings();
        bad.extend([json!(""), json!("cobol")]);
        let good = names::<T>().into_iter().map(Value::from).collect();
        Examples { good, bad }
    }
}

impl<T: Word> Read for OneOf<T> {
    fn read(raw: &str) -> Result<T, Error> {
        const MOST: usize = 64;
        let known = || Error::value(format!("is not one of {}", names::<T>().join(", ")));
        let text = match json::text(raw, MOST) {
            Ok(text) => text,
            Err(Some(why)) => return Err(not_text(why, raw)),
            Err(None) => return Err(known()),
        };
        T::ALL
            .iter()
            .copied()
            .find(|word| word.name() == text)
            .ok_or_else(known)
    }
}

impl<T: Word> Write for OneOf<T> {
    fn write(value: &T, line: &mut Vec<u8>) {
        write_json(value.name(), line);
    }

    fn sample(full: bool) -> T {
        T::ALL[if full { T::ALL.len() - 1 } else { 0 }]
    }
}

/// The source of a program: not blank, without a zero byte.
pub struct Code;

impl Codec for Code {
    type Value = String;

    fn schema() -> Value {
        json!({
            "type": "string",
            "maxLength": limits::CODE,
            "x-bytes": [1, limits::CODE],
            "pattern": r"^[^\u0000]*[^\u0000\t\n\f\r ][^\u0000]*$(?!\n)",
        })
    }

    fn summary() -> String {
        format!(
            "text of 1 to {} bytes, not blank, without a zero byte",
            limits::CODE
        )
    }

    fn examples() -> Examples {
        let mut bad = not_strings();
        bad.extend(["", " \t\r\n", "a\0b"].map(Value::from));
        bad.push(letters(limits::CODE + 1));
        Examples {
            good: vec![json!("x"), json!("\n x \n"), letters(limits::CODE)],
            bad,
        }
    }
}

impl Read for Code {
    fn read(raw: &str) -> Result<String, Error> {
        let code = read_text(raw, limits::CODE, ErrorType::Code)?;
        let refuse = |why| Err(Error::new(ErrorType::Code, why));
        if code.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return refuse("is blank");
        }
        if code.contains('\0') {
            return refuse("contains a zero byte");
        }
        Ok(code)
    }
}
