//! Base64 fields.

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, Engine};
use serde_json::{json, Value};

use super::{not_strings, not_text, Codec, Examples, Read, Write};
use crate::error::{Error, ErrorType};
use crate::json::{self, NotText};
use crate::limits;

/// Base64 with padding. Unused trailing bits may have any value.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// `LEAST` to `MOST` bytes, as base64 with padding (RFC 4648).
pub struct Bytes<const LEAST: usize, const MOST: usize>;

/// Bytes of any length that fits on a line.
pub type AnyBytes = Bytes<0, { limits::REQUEST / 4 * 3 }>;

impl<const LEAST: usize, const MOST: usize> Codec for Bytes<LEAST, MOST> {
    type Value = Vec<u8>;

    fn schema() -> Value {
        // `(?!\n)` is for engines whose `$` also matches before a final newline.
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
        // A longer example tests nothing new.
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
        // Unescaping never makes a string longer.
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
        // The slice has exactly the length of the encoded bytes.
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

/// Decodes base64 in chunks. This avoids a second copy of the text without its escapes.
#[derive(Default)]
struct Decoder {
    bytes: Vec<u8>,
    /// Characters of an incomplete group.
    group: Vec<u8>,
    /// Whether the padding has come.
    has_ended: bool,
    is_too_long: bool,
}

impl Decoder {
    /// Decodes a chunk. Returns whether more chunks may follow.
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
        // Padding may reduce the length by two bytes.
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
