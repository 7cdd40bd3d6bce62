//! Fuzzes base64 and zstd: decoding returns the encoded bytes, with any chunks.

#![no_main]

use agent::zstd::{block_header, Decoder, FRAME};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use protocol::request::{parse, Request};

/// Most bytes to decode from one input: a few bytes may decode to gigabytes.
const MOST: usize = 4 << 20;

fuzzing::fuzz_target!(encodings);

fn encodings(input: &[u8]) {
    let (choice, rest) = fuzzing::choice(input);
    match choice % 4 {
        0 => base64(rest),
        1 => stored(rest),
        _ => decoded(rest),
    }
}

/// Parses data in a request. Returns the decoded bytes.
fn receive(data: &str) -> Option<Vec<u8>> {
    let line = format!(r#"{{"action":"file_chunk","op_id":"a","data":"{data}"}}"#);
    match parse(line.as_bytes()).request {
        Ok(Request::FileChunk(chunk)) => Some(chunk.data),
        _ => None,
    }
}

fn base64(input: &[u8]) {
    let text = STANDARD.encode(input);
    assert_eq!(receive(&text).as_deref(), Some(input));
    // Escapes make no difference, at any position.
    let place = input.len() % text.len().max(1);
    let escaped: String = text
        .char_indices()
        .map(|(index, letter)| match letter {
            _ if index == place => format!("\\u{:04x}", u32::from(letter)),
            '/' => r"\/".to_owned(),
            _ => letter.to_string(),
        })
        .collect();
    assert_eq!(receive(&escaped).as_deref(), Some(input));
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if !text.contains(['"', '\\']) {
        if let Some(bytes) = receive(text) {
            // Only unused bits may differ.
            assert_eq!(STANDARD.encode(bytes).len(), text.len());
        }
    }
}

/// Checks frames that the agent writes.
fn stored(content: &[u8]) {
    let mut frame = FRAME.to_vec();
    let middle = content.len() / 2;
    for (block, last) in [(&content[..middle], false), (&content[middle..], true)] {
        frame.extend_from_slice(&block_header(block.len(), last));
        frame.extend_from_slice(block);
    }
    assert_eq!(decode(&frame, frame.len()), Ok((content.to_vec(), true)));
    assert_eq!(decode(&frame, 1), Ok((content.to_vec(), true)));
    // A truncated frame is incomplete.
    let cut = &frame[..frame.len() - 1];
    assert!(!decode(cut, 7).is_ok_and(|(_, whole)| whole));
}

/// Checks arbitrary frames. The size of chunks makes no difference.
fn decoded(input: &[u8]) {
    let whole = decode(input, input.len().max(1));
    let pieces = decode(input, 1 + input.len() / 5);
    match (whole, pieces) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (Err(_), Err(_)) => {}
        (one, other) => panic!("{:?} and {:?}", one.map(|_| ()), other.map(|_| ())),
    }
}

/// Decodes a frame in chunks. Returns its content, and whether it is complete.
fn decode(frame: &[u8], piece: usize) -> Result<(Vec<u8>, bool), String> {
    let mut decoder = Decoder::new();
    let mut content = Vec::new();
    for piece in frame.chunks(piece) {
        decoder.push(piece, |bytes| {
            if content.len() + bytes.len() > MOST {
                return Err("too much".to_owned());
            }
            content.extend_from_slice(bytes);
            Ok(())
        })?;
    }
    let whole = decoder.is_whole();
    Ok((content, whole))
}
