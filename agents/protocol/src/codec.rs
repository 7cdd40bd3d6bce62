//! How the fields of requests and responses look on the wire.
//!
//! A codec is a type without a value. A field of a message names one, and with it the field's type in Rust, how it is
//! read or written, its JSON Schema, its text in `protocol.md`, and examples for tests.

use std::fmt::Write as _;
use std::marker::PhantomData;
use std::time::Duration;

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, Engine};
use serde_json::{json, Value};

use crate::error::{Error, ErrorType};
use crate::json::{self, Failure, NotText};
use crate::limits;
use crate::message::{Field, Fields, ReadFields, Structure, WriteFields};
use crate::types::Word;

/// Base64 with padding. Bits that stand for no byte may have any value.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Values for tests.
#[derive(Debug, Default)]
pub struct Examples {
    /// Allowed values, the least one first.
    pub good: Vec<Value>,
    /// Refused values.
    pub bad: Vec<Value>,
}

/// Describes the values of a field.
pub trait Codec {
    /// The type of the field in Rust.
    type Value;

    /// Whether the field must be there. In a request `null` counts as absent.
    const REQUIRED: bool = true;

    /// Returns the JSON Schema of a value.
    fn schema() -> Value;

    /// Returns a description of the values, for people.
    fn summary() -> String;

    /// Returns values that are allowed, and values that are not.
    fn examples() -> Examples;
}

/// Reads a field of a request.
pub trait Read: Codec {
    /// Reads a value as it is written in a line.
    ///
    /// # Errors
    ///
    /// The value has another type or exceeds a limit.
    fn read(raw: &str) -> Result<Self::Value, Error>;

    /// Returns the value of an absent field, if it may be absent.
    fn absent() -> Option<Self::Value> {
        None
    }
}

/// Writes a field of a response.
pub trait Write: Codec {
    /// Appends a value to a line.
    fn write(value: &Self::Value, line: &mut Vec<u8>);

    /// Returns whether the field is left out.
    fn is_absent(_: &Self::Value) -> bool {
        false
    }

    /// Returns a value for tests; with `full` a large one, and one where the field may be absent.
    fn sample(full: bool) -> Self::Value;
}

/// Creates the error of a value that has another type.
pub(crate) fn wrong_type(expected: &str, raw: &str) -> Error {
    Error::value(format!("is not {expected}, but {}", json::type_name(raw)))
}

fn not_text(why: NotText, raw: &str) -> Error {
    match why {
        NotText::Type(_) => wrong_type("a string", raw),
        NotText::Surrogate | NotText::Stopped => Error::value("contains half of a character"),
    }
}

/// Reads a string of at most `most` bytes. A longer one has an error of the kind `longer`.
pub(crate) fn read_text(raw: &str, most: usize, longer: ErrorType) -> Result<String, Error> {
    json::text(raw, most).map_err(|why| match why {
        Some(why) => not_text(why, raw),
        None => Error::new(longer, format!("is longer than {most} bytes")),
    })
}

/// Returns the error of an object or a list that could not be read.
pub(crate) fn not_elements(failure: Failure, expected: &str, raw: &str) -> Error {
    match failure {
        Failure::Element(error) => error,
        Failure::Type => wrong_type(expected, raw),
        Failure::Syntax(message) => Error::value(message),
    }
}

/// Returns values that are not strings.
pub(crate) fn not_strings() -> Vec<Value> {
    vec![json!(1), json!(true), json!(["x"]), json!({})]
}

fn letters(count: usize) -> Value {
    json!("x".repeat(count))
}

fn write_json(value: &(impl serde::Serialize + ?Sized), line: &mut Vec<u8>) {
    // Writing to memory does not fail, and strings and numbers can always be written.
    let _ = serde_json::to_writer(line, value);
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

/// A text of a response, held as `T`.
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

/// A whole number from `LEAST` to `MOST`.
pub struct Number<const LEAST: u64, const MOST: u64>;

/// A whole number that only its type limits.
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

/// A whole number that may be below zero.
pub struct Integer;

impl Codec for Integer {
    type Value = i64;

    fn schema() -> Value {
        json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX})
    }

    fn summary() -> String {
        "whole number, also below zero".to_owned()
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

/// True or false. In a request the field may be absent, which is false.
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

/// `LEAST` to `MOST` bytes, as base64 with padding (RFC 4648).
pub struct Bytes<const LEAST: usize, const MOST: usize>;

/// Bytes that only the line limits.
pub type AnyBytes = Bytes<0, { limits::REQUEST / 4 * 3 }>;

impl<const LEAST: usize, const MOST: usize> Codec for Bytes<LEAST, MOST> {
    type Value = Vec<u8>;

    fn schema() -> Value {
        // The end is for engines whose `$` also stands before a last newline.
        let pattern = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$(?!\n)";
        json!({
            "type": "string",
            "contentEncoding": "base64",
            "pattern": pattern,
            "minLength": LEAST.div_ceil(3) * 4,
            "maxLength": MOST.div_ceil(3) * 4,
        })
    }

    fn summary() -> String {
        match LEAST {
            0 => "base64".to_owned(),
            _ => format!("base64 of {LEAST} to {MOST} bytes"),
        }
    }

    fn examples() -> Examples {
        // More than a megabyte says nothing new.
        let most = MOST.min(1 << 20);
        let encoded = |length: usize| json!(BASE64.encode(vec![0xfb; length]));
        let mut bad = not_strings();
        bad.extend(["AAA", "AA=A", "A-A_", "AAAA\n", "===="].map(Value::from));
        bad.extend(LEAST.checked_sub(1).map(encoded));
        bad.extend((most == MOST).then(|| encoded(MOST + 3)));
        Examples {
            good: [LEAST, LEAST + 1, LEAST + 2, most].map(encoded).into(),
            bad,
        }
    }
}

impl<const LEAST: usize, const MOST: usize> Read for Bytes<LEAST, MOST> {
    fn read(raw: &str) -> Result<Vec<u8>, Error> {
        let mut decoder = Decoder::default();
        // The escapes of a string only make it shorter.
        decoder
            .bytes
            .reserve_exact((raw.len() / 4 * 3).min(MOST + 3));
        let pushed = json::unescape(raw, |piece| decoder.push(piece.as_bytes(), MOST));
        match pushed {
            Err(NotText::Stopped) if decoder.is_too_long => {
                return Err(Error::value(format!("has more than {MOST} bytes")));
            }
            Err(NotText::Stopped) => return Err(not_base64()),
            other => other.map_err(|why| not_text(why, raw))?,
        }
        let bytes = decoder.finish().ok_or_else(not_base64)?;
        if (LEAST..=MOST).contains(&bytes.len()) {
            return Ok(bytes);
        }
        let length = bytes.len();
        Err(Error::value(format!(
            "has {length} bytes, not {LEAST} to {MOST}"
        )))
    }
}

impl<const LEAST: usize, const MOST: usize> Write for Bytes<LEAST, MOST> {
    fn write(value: &Vec<u8>, line: &mut Vec<u8>) {
        line.push(b'"');
        let start = line.len();
        line.resize(start + value.len().div_ceil(3) * 4, 0);
        // The room is exactly what the encoded bytes need.
        let _ = BASE64.encode_slice(value, &mut line[start..]);
        line.push(b'"');
    }

    fn sample(full: bool) -> Vec<u8> {
        vec![0xfb; if full { MOST } else { LEAST }]
    }
}

fn not_base64() -> Error {
    Error::new(ErrorType::Protocol, "is not base64")
}

/// Decodes base64 that comes in pieces, so that the text need not be in memory a second time without its escapes.
#[derive(Default)]
struct Decoder {
    bytes: Vec<u8>,
    /// Characters of a group that is not whole yet.
    group: Vec<u8>,
    /// Whether the padding was there.
    has_ended: bool,
    is_too_long: bool,
}

impl Decoder {
    /// Decodes a piece. Returns whether more is welcome.
    fn push(&mut self, mut piece: &[u8], most: usize) -> bool {
        if !self.group.is_empty() {
            let (rest, next) = piece.split_at(piece.len().min(4 - self.group.len()));
            self.group.extend_from_slice(rest);
            piece = next;
            if self.group.len() < 4 {
                return true;
            }
            let group = std::mem::take(&mut self.group);
            if !self.decode(&group, most) {
                return false;
            }
        }
        let (groups, rest) = piece.split_at(piece.len() / 4 * 4);
        self.group.extend_from_slice(rest);
        self.decode(groups, most)
    }

    fn decode(&mut self, groups: &[u8], most: usize) -> bool {
        if groups.is_empty() {
            return true;
        }
        // The padding may make it two bytes less.
        self.is_too_long = self.bytes.len() + groups.len() / 4 * 3 > most + 2;
        if self.has_ended || self.is_too_long {
            return false;
        }
        self.has_ended = groups.ends_with(b"=");
        BASE64.decode_vec(groups, &mut self.bytes).is_ok()
    }

    fn finish(self) -> Option<Vec<u8>> {
        self.group.is_empty().then_some(self.bytes)
    }
}

/// A field that may be absent.
pub struct Maybe<C>(PhantomData<C>);

impl<C: Codec> Codec for Maybe<C> {
    type Value = Option<C::Value>;

    const REQUIRED: bool = false;

    fn schema() -> Value {
        C::schema()
    }

    fn summary() -> String {
        C::summary()
    }

    fn examples() -> Examples {
        C::examples()
    }
}

impl<C: Read> Read for Maybe<C> {
    fn read(raw: &str) -> Result<Self::Value, Error> {
        C::read(raw).map(Some)
    }

    fn absent() -> Option<Self::Value> {
        Some(None)
    }
}

impl<C: Write> Write for Maybe<C> {
    fn write(value: &Self::Value, line: &mut Vec<u8>) {
        if let Some(value) = value {
            C::write(value, line);
        }
    }

    fn is_absent(value: &Self::Value) -> bool {
        value.is_none()
    }

    fn sample(full: bool) -> Self::Value {
        full.then(|| C::sample(true))
    }
}

/// Seconds that a program may run. Hosts send 0 for no limit.
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

/// The text of a program: not blank, and without a zero byte.
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

/// An object of a request.
pub struct Object<T>(PhantomData<T>);

/// Objects of a response.
pub struct List<T>(PhantomData<T>);

fn object_summary(fields: &[Field]) -> String {
    let mut text = String::new();
    for field in fields {
        let separator = if text.is_empty() { "{" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}{}: {}", field.label(), field.summary);
    }
    text + "}"
}

fn object_examples(fields: Vec<Field>) -> Examples {
    let least: serde_json::Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), field.examples.good[0].clone()))
        .collect();
    let mut bad = vec![json!(true), json!("x"), json!([1])];
    for field in &fields {
        let mut without = least.clone();
        without.remove(field.name);
        bad.push(Value::Object(without));
        for value in &field.examples.bad {
            let mut object = least.clone();
            object.insert(field.name.to_owned(), value.clone());
            bad.push(Value::Object(object));
        }
    }
    Examples {
        good: vec![Value::Object(least)],
        bad,
    }
}

impl<T: Structure> Codec for Object<T> {
    type Value = T;

    fn schema() -> Value {
        crate::schema::object(&T::fields(), true)
    }

    fn summary() -> String {
        object_summary(&T::fields())
    }

    fn examples() -> Examples {
        object_examples(T::fields())
    }
}

impl<T: ReadFields> Read for Object<T> {
    fn read(raw: &str) -> Result<T, Error> {
        let fields = Fields::collect(raw.as_bytes(), &[T::NAMES])
            .map_err(|failure| not_elements(failure, "an object", raw))?;
        T::read_fields(&fields)
    }
}

impl<T: Structure> Codec for List<T> {
    type Value = Vec<T>;

    fn schema() -> Value {
        json!({"type": "array", "items": crate::schema::object(&T::fields(), false)})
    }

    fn summary() -> String {
        format!("list of {}", object_summary(&T::fields()))
    }

    fn examples() -> Examples {
        let Examples { good, bad } = object_examples(T::fields());
        let mut bad: Vec<Value> = bad.into_iter().map(|value| json!([value])).collect();
        bad.push(json!({}));
        Examples {
            good: vec![json!([]), Value::from(good)],
            bad,
        }
    }
}

impl<T: WriteFields> Write for List<T> {
    fn write(value: &Vec<T>, line: &mut Vec<u8>) {
        line.push(b'[');
        for (index, item) in value.iter().enumerate() {
            line.extend_from_slice(if index > 0 { b",{" } else { b"{" });
            item.write_fields(line);
            line.push(b'}');
        }
        line.push(b']');
    }

    fn sample(full: bool) -> Vec<T> {
        let count = if full { 2 } else { 0 };
        (0..count).map(|_| T::sample(full)).collect()
    }
}
