//! Cutting a stream of bytes into lines, none longer than a limit.

/// What the stream held.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line without its newline.
    Whole(Vec<u8>),
    /// The beginning of a line that is too long; what follows up to its newline is skipped.
    TooLong,
}

/// Cuts a stream into lines.
pub struct Splitter {
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no newline.
    searched: usize,
    limit: usize,
    skipping: bool,
}

impl Splitter {
    /// Makes a splitter for lines of at most `limit` bytes, the newline not counted.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            searched: 0,
            limit,
            skipping: false,
        }
    }

    /// Adds bytes that were read. Take all lines out with [`Splitter::next_line`] before adding more: that keeps the
    /// buffer within the limit and one read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            // A vector would double, and a long line then take three times its length while it is parsed.
            let room = bytes.len().max(self.buffer.len() / 8);
            self.buffer.reserve_exact(room);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes out the next line, if it is there.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let newline = memchr::memchr(b'\n', &self.buffer[self.searched..])
                .map(|place| self.searched + place);
            let Some(end) = newline else {
                self.searched = self.buffer.len();
                if self.skipping {
                    self.forget(self.searched);
                } else if self.searched > self.limit {
                    self.forget(self.searched);
                    self.skipping = true;
                    return Some(Line::TooLong);
                }
                return None;
            };
            let skipped = std::mem::take(&mut self.skipping);
            if skipped {
                self.forget(end + 1);
                continue;
            }
            if end > self.limit {
                self.forget(end + 1);
                return Some(Line::TooLong);
            }
            return Some(Line::Whole(self.take(end)));
        }
    }

    /// Takes out a line that ends before `end`, and its newline.
    fn take(&mut self, end: usize) -> Vec<u8> {
        const LONG: usize = 64 << 10;
        if end < LONG {
            let line = self.buffer[..end].to_vec();
            self.forget(end + 1);
            return line;
        }
        // A long line is not copied; what follows it is no more than one read.
        let rest = self.buffer[end + 1..].to_vec();
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(end);
        self.searched = 0;
        line
    }

    /// Notes that there may be another sender. What the last one left unfinished stays, because its beginning may be
    /// the new one's already; the rest of a line that was too long will not come.
    pub fn resume(&mut self) {
        self.skipping = false;
    }

    /// Forgets everything: there is another sender, who has sent nothing yet.
    pub fn clear(&mut self) {
        self.forget(self.buffer.len());
        self.skipping = false;
    }

    /// Drops bytes from the buffer's front.
    fn forget(&mut self, count: usize) {
        self.buffer.drain(..count);
        self.searched = 0;
        // One line of 16 MiB is no reason to hold so much for ever.
        if self.buffer.is_empty() && self.buffer.capacity() > 1 << 20 {
            self.buffer = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Line> {
        Some(Line::Whole(text.as_bytes().to_vec()))
    }

    #[test]
    fn lines_in_one_piece_and_in_many() {
        let mut splitter = Splitter::new(100);
        splitter.push(b"one\ntwo\nth");
        assert_eq!(splitter.next_line(), whole("one"));
        assert_eq!(splitter.next_line(), whole("two"));
        assert_eq!(splitter.next_line(), None);
        splitter.push(b"ree");
        assert_eq!(splitter.next_line(), None);
        splitter.push(b"\n\n");
        assert_eq!(splitter.next_line(), whole("three"));
        assert_eq!(splitter.next_line(), whole(""));
        assert_eq!(splitter.next_line(), None);
    }

    #[test]
    fn the_limit_is_inclusive() {
        let mut splitter = Splitter::new(4);
        splitter.push(b"1234\n12345\n");
        assert_eq!(splitter.next_line(), whole("1234"));
        assert_eq!(splitter.next_line(), Some(Line::TooLong));
        assert_eq!(splitter.next_line(), None);
    }

    #[test]
    fn too_long_is_told_once_and_the_next_line_is_whole() {
        let mut splitter = Splitter::new(4);
        splitter.push(b"12345");
        assert_eq!(splitter.next_line(), Some(Line::TooLong));
        for _ in 0..1000 {
            splitter.push(b"1234567890");
            assert_eq!(splitter.next_line(), None);
            assert!(splitter.buffer.is_empty());
        }
        splitter.push(b"\nfine\n");
        assert_eq!(splitter.next_line(), whole("fine"));
    }

    #[test]
    fn nothing_is_left_after_clearing() {
        let mut splitter = Splitter::new(100);
        splitter.push(b"half a li");
        assert_eq!(splitter.next_line(), None);
        splitter.clear();
        splitter.push(b"new line\n");
        assert_eq!(splitter.next_line(), whole("new line"));
    }

    #[test]
    fn another_sender_does_not_go_on_with_a_line_that_is_too_long() {
        let mut splitter = Splitter::new(4);
        splitter.push(b"12345");
        assert_eq!(splitter.next_line(), Some(Line::TooLong));
        splitter.resume();
        splitter.push(b"new\n");
        assert_eq!(splitter.next_line(), whole("new"));
    }

    #[test]
    fn the_memory_of_a_long_line_is_given_back() {
        let mut splitter = Splitter::new(4 << 20);
        splitter.push(&vec![b'x'; 2 << 20]);
        splitter.push(b"\n");
        assert!(splitter.next_line().is_some());
        assert!(splitter.buffer.capacity() < 1 << 20);
    }
}
