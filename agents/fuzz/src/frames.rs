//! Fuzzes the line splitter with any chunks of a stream.

#![no_main]

use protocol::lines::{Line, Splitter};

/// Short, so that inputs contain too long lines.
const LIMIT: usize = 24;

fuzzing::fuzz_target!(frames);

fn frames(input: &[u8]) {
    let (seed, stream) = fuzzing::choice(input);
    assert_eq!(cut(seed, stream), expected(stream));
}

/// Splits a stream in chunks. Returns `None` for each too long line.
fn cut(seed: u8, stream: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut splitter = Splitter::new(LIMIT);
    let mut lines = Vec::new();
    let (mut rest, mut state) = (stream, u32::from(seed));
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (1 + (state >> 16) as usize % 40).min(rest.len());
        splitter.push(&rest[..length]);
        rest = &rest[length..];
        while let Some(line) = splitter.next_line() {
            lines.push(match line {
                Line::Whole(bytes) => Some(bytes),
                Line::TooLong => None,
            });
        }
    }
    lines
}

/// Splits a whole stream.
fn expected(stream: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut pieces: Vec<&[u8]> = stream.split(|&byte| byte == b'\n').collect();
    let rest = pieces.pop().unwrap_or_default();
    let line = |piece: &&[u8]| (piece.len() <= LIMIT).then(|| piece.to_vec());
    let mut lines: Vec<_> = pieces.iter().map(line).collect();
    // The splitter reports a too long line before its end.
    lines.extend((rest.len() > LIMIT).then_some(None));
    lines
}
