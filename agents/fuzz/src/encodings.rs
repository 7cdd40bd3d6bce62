//! Base64 and zstd: what is decoded is what was encoded, in any pieces.

#![no_main]

use agent::zstd::{add_block, Decoder, FRAME};
use protocol::base64;

/// Most bytes that are taken of one input: a few bytes can mean gigabytes.
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

fn base64(input: &[u8]) {
    let text = base64::encode(input);
    assert_eq!(text.len(), input.len().div_ceil(3) * 4);
    assert_eq!(base64::decode(text.as_bytes()).as_deref(), Some(input));
    if let Some(bytes) = base64::decode(input) {
        assert_eq!(input.len() % 4, 0);
        // Only the bits that nobody reads may differ.
        let again = base64::encode(&bytes);
        assert_eq!(again.len(), input.len());
        assert_eq!(base64::decode(again.as_bytes()), Some(bytes));
    }
}

/// Frames as the agent writes them.
fn stored(content: &[u8]) {
    let mut frame = FRAME.to_vec();
    let middle = content.len() / 2;
    add_block(&mut frame, &content[..middle], false);
    add_block(&mut frame, &content[middle..], true);
    assert_eq!(decode(&frame, frame.len()), Ok((content.to_vec(), true)));
    assert_eq!(decode(&frame, 1), Ok((content.to_vec(), true)));
    // A frame that is cut off is not whole.
    let cut = &frame[..frame.len() - 1];
    assert!(!decode(cut, 7).is_ok_and(|(_, whole)| whole));
}

/// Frames of anybody. How they are cut into pieces makes no difference.
fn decoded(input: &[u8]) {
    let whole = decode(input, input.len().max(1));
    let pieces = decode(input, 1 + input.len() / 5);
    match (whole, pieces) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (Err(_), Err(_)) => {}
        (one, other) => panic!("{:?} and {:?}", one.map(|_| ()), other.map(|_| ())),
    }
}

/// Decodes a frame that comes in pieces. Returns its content, and whether it was whole.
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
