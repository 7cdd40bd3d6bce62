//! Bounded reading of JSON.
//!
//! A line has up to 16 MiB, and a tree of its values would take a hundred times as much memory. So serde_json only
//! validates the line and finds where values begin and end ([`RawValue`]). The functions here count before they store.
//! They do not use serde_json's strings: serde_json unescapes them into a buffer that grows to twice their length.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::Deserializer;

use crate::error::Error;
use crate::limits;

/// The reason why reading an object or a list failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The text is not JSON. The message names the position and the kind of the fault, and quotes nothing of the text.
    Syntax(String),
    /// The text is another JSON value.
    Type,
    /// The callback rejected an element.
    Element(Error),
}

/// Calls `each` with key and value of every entry of an object, both unparsed.
pub(crate) fn entries<'a>(
    text: &'a [u8],
    mut each: impl FnMut(&'a str, &'a str) -> Result<(), Error>,
) -> Result<(), Failure> {
    let each = |key: Option<&'a RawValue>, value: &'a RawValue| {
        each(key.map_or("", RawValue::get), value.get())
    };
    elements(text, b'{', each)
}

/// Calls `each` with every item of a list, unparsed.
pub(crate) fn items<'a>(
    text: &'a [u8],
    mut each: impl FnMut(&'a str) -> Result<(), Error>,
) -> Result<(), Failure> {
    elements(text, b'[', |_, item| each(item.get()))
}

struct Elements<'e, F> {
    each: F,
    error: &'e mut Option<Error>,
}

fn elements<'a>(
    text: &'a [u8],
    opening: u8,
    each: impl FnMut(Option<&'a RawValue>, &'a RawValue) -> Result<(), Error>,
) -> Result<(), Failure> {
    // serde_json would store a value of another type to quote it in its message.
    match text.trim_ascii_start().first() {
        Some(&first) if first == opening => {}
        Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            return Err(Failure::Type)
        }
        _ => return Err(Failure::Syntax("expected value".to_owned())),
    }
    if !is_nesting_bounded(text) {
        let most = limits::NESTING;
        return Err(Failure::Syntax(format!("nested deeper than {most} levels")));
    }
    let mut error = None;
    let elements = Elements {
        each,
        error: &mut error,
    };
    let mut reader = Deserializer::from_slice(text);
    let result = if opening == b'{' {
        reader.deserialize_map(elements)
    } else {
        reader.deserialize_seq(elements)
    };
    match (error, result.and_then(|()| reader.end())) {
        (Some(error), _) => Err(Failure::Element(error)),
        (None, Err(error)) => Err(Failure::Syntax(error.to_string())),
        (None, Ok(())) => Ok(()),
    }
}

impl<'a, F> Elements<'_, F>
where
    F: FnMut(Option<&'a RawValue>, &'a RawValue) -> Result<(), Error>,
{
    fn take<E: serde::de::Error>(
        &mut self,
        key: Option<&'a RawValue>,
        value: &'a RawValue,
    ) -> Result<(), E> {
        (self.each)(key, value).map_err(|error| {
            *self.error = Some(error);
            E::custom("rejected")
        })
    }
}

impl<'a, F> Visitor<'a> for Elements<'_, F>
where
    F: FnMut(Option<&'a RawValue>, &'a RawValue) -> Result<(), Error>,
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            self.take(Some(key), value)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element::<&RawValue>()? {
            self.take(None, item)?;
        }
        Ok(())
    }
}

/// Returns whether objects and lists are nested within the limit. serde_json keeps a byte for each level.
fn is_nesting_bounded(text: &[u8]) -> bool {
    let (mut depth, mut place) = (0_usize, 0);
    while let Some(&byte) = text.get(place) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => place = end_of_string(text, place + 1),
            _ => {}
        }
        if depth > limits::NESTING {
            return false;
        }
        place += 1;
    }
    true
}

/// Returns the position of the quote that ends the string whose content starts at `place`.
fn end_of_string(text: &[u8], mut place: usize) -> usize {
    while let Some(found) = text
        .get(place..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        place += found;
        if text[place] == b'"' {
            return place;
        }
        place += 2;
    }
    text.len()
}

/// Returns the start of the object at the end of a line, if the line ends with one.
///
/// There is at most one such object: one that starts later has an extra brace or quote at its end, and one that starts
/// earlier has an extra one in its middle.
pub(crate) fn last_object(line: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string) = (0_usize, false);
    for place in (0..line.len()).rev() {
        match line[place] {
            b'"' => {
                let before = line[..place].iter().rev();
                let escapes = before.take_while(|&&byte| byte == b'\\').count();
                in_string ^= escapes % 2 == 0;
            }
            b'}' if !in_string => depth += 1,
            b'{' if !in_string && depth <= 1 => return (depth == 1).then_some(place),
            b'{' if !in_string => depth -= 1,
            byte if depth == 0 && !byte.is_ascii_whitespace() => return None,
            _ => {}
        }
    }
    None
}

/// The reason why reading a string failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotText {
    /// The value has another type, with this name.
    Type(&'static str),
    /// An escape denotes half of a surrogate pair.
    Surrogate,
    /// The callback returned false.
    Stopped,
}

/// Names the type of a value.
pub(crate) fn type_name(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') | None => "null",
        _ => "a number",
    }
}

/// Passes the content of a string to `push` in chunks, until `push` returns false.
pub(crate) fn unescape(raw: &str, mut push: impl FnMut(&str) -> bool) -> Result<(), NotText> {
    let content = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let mut rest = content.ok_or(NotText::Type(type_name(raw)))?;
    let mut push = |piece: &str| push(piece).then_some(()).ok_or(NotText::Stopped);
    while let Some(place) = memchr::memchr(b'\\', rest.as_bytes()) {
        if place > 0 {
            push(&rest[..place])?;
        }
        let (character, length) = escaped(&rest[place..])?;
        push(character.encode_utf8(&mut [0; 4]))?;
        rest = &rest[place + length..];
    }
    if rest.is_empty() {
        return Ok(());
    }
    push(rest)
}

/// Returns the character that an escape denotes, and the length of the escape. serde_json has validated the escape.
fn escaped(text: &str) -> Result<(char, usize), NotText> {
    let simple = match text.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        _ => {
            let first = unit(text).ok_or(NotText::Surrogate)?;
            if let Some(character) = char::from_u32(first) {
                return Ok((character, 6));
            }
            let second = text.get(6..).and_then(unit);
            let pair = second.filter(|second| first < 0xdc00 && (0xdc00..0xe000).contains(second));
            let second = pair.ok_or(NotText::Surrogate)?;
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            let character = char::from_u32(code).ok_or(NotText::Surrogate)?;
            return Ok((character, 12));
        }
    };
    Ok((simple, 2))
}

/// Returns the UTF-16 code unit of the escape at the start of the text.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// Returns the content of a string, or `Err(None)` if it has more than `most` bytes.
pub(crate) fn text(raw: &str, most: usize) -> Result<String, Option<NotText>> {
    let mut length = 0;
    let counted = unescape(raw, |piece| {
        length += piece.len();
        length <= most
    });
    match counted {
        Err(NotText::Stopped) => return Err(None),
        other => other.map_err(Some)?,
    }
    let mut content = String::with_capacity(length);
    unescape(raw, |piece| {
        content.push_str(piece);
        true
    })
    .map_err(Some)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unescape_agrees_with_serde_json() {
        for raw in [
            r#""""#,
            r#""plain ü""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""a\u0041\u00e9\ud83d\ude00z""#,
            r#""\uffff\u0000""#,
        ] {
            let expected: String = serde_json::from_str(raw).unwrap();
            assert_eq!(text(raw, 100), Ok(expected.clone()), "{raw}");
            assert_eq!(text(raw, expected.len()), Ok(expected.clone()));
            if !expected.is_empty() {
                assert_eq!(text(raw, expected.len() - 1), Err(None));
            }
        }
        for raw in [
            r#""\ud800""#,
            r#""\ud800x""#,
            r#""\udc00\ud800""#,
            r#""\ud800\u0041""#,
        ] {
            assert_eq!(text(raw, 100), Err(Some(NotText::Surrogate)), "{raw}");
        }
        assert_eq!(text("[]", 100), Err(Some(NotText::Type("an array"))));
    }

    #[test]
    fn is_nesting_bounded_ignores_strings() {
        let deep = "[".repeat(limits::NESTING);
        assert!(is_nesting_bounded(deep.as_bytes()));
        assert!(!is_nesting_bounded(format!("{deep}[").as_bytes()));
        assert!(is_nesting_bounded(
            format!("[\"{deep}\\\"{deep}\"]").as_bytes()
        ));
    }

    #[test]
    fn elements_stops_at_first_error() {
        let mut count = 0;
        let result = items(b"[1,2,3", |_| {
            count += 1;
            Err(Error::value("enough"))
        });
        assert!(matches!(result, Err(Failure::Element(_))));
        assert_eq!(count, 1);
        assert!(matches!(entries(b"[]", |_, _| Ok(())), Err(Failure::Type)));
        assert!(matches!(
            entries(b"{} x", |_, _| Ok(())),
            Err(Failure::Syntax(_))
        ));
    }
}
