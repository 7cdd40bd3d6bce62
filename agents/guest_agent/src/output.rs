//! Output of a program, in chunks for the host.

use std::time::Instant;

use protocol::{limits, Error, ErrorType, Response, Stream};

use crate::send_queue::SendQueue;

/// One output of a program. It collects and counts bytes, and splits them into chunks of whole characters.
#[derive(Debug)]
pub struct Output {
    stream: Stream,
    limit: usize,
    pending: Vec<u8>,
    /// Time of the oldest pending byte.
    since: Option<Instant>,
    total: usize,
}

impl Output {
    /// Creates an empty output with the limit of its stream.
    pub fn new(stream: Stream) -> Self {
        let limit = match stream {
            Stream::Stdout => limits::STDOUT,
            Stream::Stderr => limits::STDERR,
        };
        Self::with_limit(stream, limit)
    }

    /// Creates an empty output of a terminal, without a limit.
    pub fn unlimited() -> Self {
        Self::with_limit(Stream::Stdout, usize::MAX)
    }

    fn with_limit(stream: Stream, limit: usize) -> Self {
        Self {
            stream,
            limit,
            pending: Vec::new(),
            since: None,
            total: 0,
        }
    }

    /// Returns the stream.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// Returns the error of a program that exceeded the limit.
    pub fn exceeded(&self) -> Error {
        let (name, limit) = (self.stream.name(), self.limit);
        let message = format!("the program wrote more than {limit} bytes to {name}");
        Error::new(ErrorType::OutputLimit, message)
    }

    /// Sends all chunks that are due.
    pub fn send_due(&mut self, now: Instant, op_id: Option<&str>, queue: &mut SendQueue) {
        while let Some(chunk) = self.take_due(now) {
            queue.push(Response::output(self.stream, chunk).to_line(op_id));
        }
    }

    /// Sends the rest, at the end of the output.
    pub fn send_rest(&mut self, op_id: Option<&str>, queue: &mut SendQueue) {
        while let Some(chunk) = self.take_rest() {
            queue.push(Response::output(self.stream, chunk).to_line(op_id));
        }
    }

    /// Adds bytes up to the limit. Returns false if it dropped some.
    pub fn push(&mut self, bytes: &[u8], now: Instant) -> bool {
        let fits = bytes.len().min(self.limit - self.total);
        self.pending.extend_from_slice(&bytes[..fits]);
        self.total += fits;
        if !self.pending.is_empty() {
            self.since.get_or_insert(now);
        }
        fits == bytes.len()
    }

    /// Returns the time when the next chunk is due, if bytes are pending.
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + limits::FLUSH)
    }

    /// Takes a chunk if one is due: it is full, or has waited long enough.
    ///
    /// Bytes that are not valid UTF-8 become replacement characters. An incomplete character waits for its rest.
    pub fn take_due(&mut self, now: Instant) -> Option<String> {
        let due = self.due().is_some_and(|due| due <= now);
        if !due && self.pending.len() < limits::CHUNK {
            return None;
        }
        let most = self.pending.len().min(limits::CHUNK);
        let length = most - unfinished(&self.pending[..most]);
        let chunk = self.take(length);
        if self.pending.len() < limits::CHUNK {
            // The rest is new, or an incomplete character, so its time starts now.
            let waits = unfinished(&self.pending) < self.pending.len();
            self.since = waits.then_some(now);
        }
        chunk
    }

    /// Takes a chunk at the end of the output, due or not.
    pub fn take_rest(&mut self) -> Option<String> {
        let most = self.pending.len().min(limits::CHUNK);
        let mut length = most;
        if most < self.pending.len() {
            length -= unfinished(&self.pending[..most]);
        }
        self.since = None;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Option<String> {
        if length == 0 {
            return None;
        }
        let chunk = String::from_utf8_lossy(&self.pending[..length]).into_owned();
        self.pending.drain(..length);
        Some(chunk)
    }
}

/// Returns the length of an incomplete character at the end.
fn unfinished(bytes: &[u8]) -> usize {
    // A character has at most four bytes, so an incomplete one has at most three.
    for count in 1..=bytes.len().min(3) {
        let tail = &bytes[bytes.len() - count..];
        if tail[0] & 0b1100_0000 == 0b1000_0000 {
            continue;
        }
        return match std::str::from_utf8(tail) {
            Err(error) if error.error_len().is_none() => count,
            _ => 0,
        };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(now: Instant) -> Instant {
        now + limits::FLUSH
    }

    #[test]
    fn take_due_collects_bytes_for_limited_time() {
        let now = Instant::now();
        let mut output = Output::new(Stream::Stdout);
        assert!(output.push(b"a", now));
        assert_eq!(output.take_due(now), None);
        assert!(output.push(b"b", now));
        assert_eq!(output.due(), Some(later(now)));
        assert_eq!(output.take_due(later(now)).as_deref(), Some("ab"));
        assert_eq!(output.due(), None);
        assert_eq!(output.take_rest(), None);
    }

    #[test]
    fn take_due_returns_full_chunk_at_once() {
        let now = Instant::now();
        let mut output = Output::new(Stream::Stdout);
        output.push(&vec![b'x'; limits::CHUNK + 1], now);
        assert_eq!(output.take_due(now).unwrap().len(), limits::CHUNK);
        assert_eq!(output.take_due(now), None);
        assert_eq!(output.take_rest().as_deref(), Some("x"));
    }

    #[test]
    fn take_due_keeps_characters_whole_between_reads() {
        let now = Instant::now();
        for text in ["ü", "€", "😀"] {
            let bytes = text.as_bytes();
            for cut in 1..bytes.len() {
                let mut output = Output::new(Stream::Stderr);
                output.push(&bytes[..cut], now);
                assert_eq!(output.take_due(later(now)), None);
                assert_eq!(output.due(), None, "it would be due again at once");
                output.push(&bytes[cut..], now);
                assert_eq!(output.take_due(later(now)).as_deref(), Some(text));
            }
        }
    }

    #[test]
    fn take_due_keeps_characters_whole_between_chunks() {
        let now = Instant::now();
        let mut output = Output::new(Stream::Stdout);
        let text = "x".repeat(limits::CHUNK - 1) + "€";
        output.push(text.as_bytes(), now);
        assert_eq!(output.take_due(now).unwrap().len(), limits::CHUNK - 1);
        assert_eq!(output.take_rest().as_deref(), Some("€"));
    }

    #[test]
    fn take_due_replaces_invalid_utf8() {
        let now = Instant::now();
        let mut output = Output::new(Stream::Stdout);
        output.push(b"a\xffb\x80\x80\x80\x80\xc3", now);
        let replaced = "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}\u{fffd}";
        assert_eq!(output.take_due(later(now)).as_deref(), Some(replaced));
        assert_eq!(output.take_rest().as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn push_accepts_output_up_to_limit() {
        let now = Instant::now();
        let mut output = Output::new(Stream::Stderr);
        assert!(output.push(&vec![b'x'; limits::STDERR], now));
        assert!(!output.push(b"y", now));
        let mut all = String::new();
        while let Some(chunk) = output.take_rest() {
            assert!(chunk.len() <= limits::CHUNK);
            all += &chunk;
        }
        assert_eq!(all, "x".repeat(limits::STDERR));
    }
}
