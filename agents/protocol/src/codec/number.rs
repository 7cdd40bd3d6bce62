//! Numbers, booleans and durations.

use std::time::Duration;

use serde_json::{json, Value};

use super::{write_json, wrong_type, Codec, Examples, Read, Write};
use crate::error::Error;
use crate::limits;

/// A whole number from `LEAST` to `MOST`.
pub struct Number<const LEAST: u64, const MOST: u64>;

/// A whole number of 64 bits.
pub type AnyNumber = Number<0, { u64::MAX }>;

impl<const LEAST: u64, const MOST: u64> Codec for Number<LEAST, MOST> {
    type Value = u64;

    fn schema() -> Value {
        json!({"type": "integer", "minimum": LEAST, "maximum": MOST})
    }

    fn summary() -> String {
        match MOST {
            u64::MAX => "whole number".to_owned(),
            _ => format!("{LEAST} to {MOST}"),
        }
    }

    fn examples() -> Examples {
        let mut bad = vec![json!("1"), json!(-1), json!(1.5), json!([]), json!(1e300)];
        bad.extend(LEAST.checked_sub(1).map(Value::from));
        bad.extend(MOST.checked_add(1).map(Value::from));
        Examples {
            good: vec![json!(LEAST), json!(MOST)],
            bad,
        }
    }
}

impl<const LEAST: u64, const MOST: u64> Read for Number<LEAST, MOST> {
    fn read(raw: &str) -> Result<u64, Error> {
        match raw.parse() {
            Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
            _ if raw.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(Error::value(format!("is not {LEAST} to {MOST}")))
            }
            _ => Err(wrong_type("a whole number of at least 0", raw)),
        }
    }
}

impl<const LEAST: u64, const MOST: u64> Write for Number<LEAST, MOST> {
    fn write(value: &u64, line: &mut Vec<u8>) {
        write_json(value, line);
    }

    fn sample(full: bool) -> u64 {
        if full {
            MOST
        } else {
            LEAST
        }
    }
}

/// A whole number that may be negative.
pub struct Integer;

impl Codec for Integer {
    type Value = i64;

    fn schema() -> Value {
        json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX})
    }

    fn summary() -> String {
        "whole number, may be negative".to_owned()
    }

    fn examples() -> Examples {
        Examples {
            good: vec![json!(i64::MIN), json!(0)],
            bad: vec![json!("0"), json!(0.5)],
        }
    }
}

impl Write for Integer {
    fn write(value: &i64, line: &mut Vec<u8>) {
        write_json(value, line);
    }

    fn sample(full: bool) -> i64 {
        if full {
            i64::MIN
        } else {
            0
        }
    }
}

/// True or false. In a request the default is false.
pub struct Flag<const REQUIRED: bool>;

impl<const REQUIRED: bool> Codec for Flag<REQUIRED> {
    type Value = bool;

    const REQUIRED: bool = REQUIRED;

    fn schema() -> Value {
        json!({"type": "boolean"})
    }

    fn summary() -> String {
        "true or false".to_owned()
    }

    fn examples() -> Examples {
        Examples {
            good: vec![json!(false), json!(true)],
            bad: vec![json!(0), json!("true"), json!([])],
        }
    }
}

impl Read for Flag<false> {
    fn read(raw: &str) -> Result<bool, Error> {
        raw.parse().map_err(|_| wrong_type("a boolean", raw))
    }

    fn absent() -> Option<bool> {
        Some(false)
    }
}

impl Write for Flag<true> {
    fn write(value: &bool, line: &mut Vec<u8>) {
        write_json(value, line);
    }

    fn sample(full: bool) -> bool {
        full
    }
}

/// Seconds that a program may run. 0 means no limit.
pub struct Seconds;

type SecondsNumber = Number<0, { limits::TIMEOUT }>;

impl Codec for Seconds {
    type Value = Option<Duration>;

    const REQUIRED: bool = false;

    fn schema() -> Value {
        SecondsNumber::schema()
    }

    fn summary() -> String {
        SecondsNumber::summary()
    }

    fn examples() -> Examples {
        SecondsNumber::examples()
    }
}

impl Read for Seconds {
    fn read(raw: &str) -> Result<Option<Duration>, Error> {
        let seconds = SecondsNumber::read(raw)?;
        Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
    }

    fn absent() -> Option<Option<Duration>> {
        Some(None)
    }
}
