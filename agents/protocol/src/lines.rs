//! Splits a stream of bytes into lines of limited length.

/// A line of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A complete line, without its newline.
    Whole(Vec<u8>),
    /// A line that is too long. The splitter skips the rest of it.
    TooLong,
}

/// Splits a stream into lines.
pub struct Splitter {
    buffer: Vec<u8>,
    /// Length of the part of the buffer that is known to contain no newline.
    searched: usize,
    limit: usize,
    skipping: bool,
    /// Room that the next long line gets at once.
    room: usize,
    /// Memory of a long line, for the next one.
    spare: Vec<u8>,
}

/// A line from this length on is taken out without a copy.
const LONG: usize = 64 << 10;

/// Most room that a line gets before its bytes are there: what a part of a file needs.
const ROOM: usize = 192 << 10;

impl Splitter {
    /// Creates a splitter for lines of at most `limit` bytes, without the newline.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            searched: 0,
            limit,
            skipping: false,
            room: 0,
            spare: Vec::new(),
        }
    }

    /// Takes back the memory of a line. It serves for the next one if that is as long.
    pub fn recycle(&mut self, line: Vec<u8>) {
        if self.room > 0 && line.capacity() <= 2 * ROOM {
            self.spare = line;
        }
    }

    /// Appends bytes. Take all lines with [`Splitter::next_line`] before appending more, so that the buffer never exceeds
    /// the limit by more than one read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            // By default a vector doubles; a long line would then take three times its length during parsing.
            let room = bytes.len().max(self.buffer.len() / 8);
            // Parts of a file have one length. Each growth would take new pages from the kernel, which costs more than
            // all other work on them.
            let room = room.max(self.room.saturating_sub(self.buffer.len()));
            self.buffer.reserve_exact(room);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next line, if it is complete.
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

    /// Takes the line that ends before `end`, and drops its newline.
    fn take(&mut self, end: usize) -> Vec<u8> {
        if end < LONG {
            let line = self.buffer[..end].to_vec();
            self.forget(end + 1);
            return line;
        }
        // A long line is not copied; what follows it is no more than one read.
        self.room = self.buffer.len().min(ROOM);
        let mut next = std::mem::take(&mut self.spare);
        next.clear();
        next.extend_from_slice(&self.buffer[end + 1..]);
        let mut line = std::mem::replace(&mut self.buffer, next);
        line.truncate(end);
        self.searched = 0;
        line
    }

    /// Prepares for a possible new sender. An unfinished line stays, because its first bytes may already be from the new
    /// sender. The rest of a line that was too long will not come.
    pub fn resume(&mut self) {
        self.skipping = false;
    }

    /// Discards the buffer. Call this when a new sender has sent nothing yet.
    pub fn clear(&mut self) {
        self.forget(self.buffer.len());
        self.skipping = false;
    }

    /// Drops bytes from the start of the buffer.
    fn forget(&mut self, count: usize) {
        self.buffer.drain(..count);
        self.searched = 0;
        // Short lines again: the room is no longer needed, and one line of 16 MiB is no reason to hold so much for ever.
        self.room = 0;
        self.spare = Vec::new();
        if self.buffer.is_empty() && self.buffer.capacity() > LONG {
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
    fn next_line_returns_only_complete_lines() {
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
    fn next_line_accepts_line_of_limit() {
        let mut splitter = Splitter::new(4);
        splitter.push(b"1234\n12345\n");
        assert_eq!(splitter.next_line(), whole("1234"));
        assert_eq!(splitter.next_line(), Some(Line::TooLong));
        assert_eq!(splitter.next_line(), None);
    }

    #[test]
    fn next_line_reports_long_line_once() {
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
    fn long_line_after_another_one_grows_no_buffer() {
        let line = [vec![b'x'; 175 << 10], b"\n".to_vec()].concat();
        let mut splitter = Splitter::new(1 << 20);
        for number in 0..4 {
            let mut moves = 0;
            for piece in line.chunks(4096) {
                let before = splitter.buffer.capacity();
                splitter.push(piece);
                moves += usize::from(splitter.buffer.capacity() != before);
                if splitter.next_line().is_some() {
                    break;
                }
            }
            assert!(number == 0 || moves == 1, "line {number}: {moves}");
        }
        // A line that comes back is the memory of the one after the next.
        let mut taken = Vec::new();
        for _ in 0..3 {
            splitter.push(&line);
            let Some(Line::Whole(whole)) = splitter.next_line() else {
                panic!("the line is whole");
            };
            taken.push(whole.as_ptr());
            splitter.recycle(whole);
        }
        assert_eq!(taken[0], taken[2]);
        // It holds nothing for lines that are short again.
        splitter.push(b"short\n");
        assert_eq!(splitter.next_line(), whole("short"));
        assert!(splitter.buffer.capacity() <= LONG && splitter.room == 0);
        assert_eq!(splitter.spare.capacity(), 0);
    }

    #[test]
    fn clear_discards_unfinished_line() {
        let mut splitter = Splitter::new(100);
        splitter.push(b"half a li");
        assert_eq!(splitter.next_line(), None);
        splitter.clear();
        splitter.push(b"new line\n");
        assert_eq!(splitter.next_line(), whole("new line"));
    }

    #[test]
    fn resume_stops_skipping_long_line() {
        let mut splitter = Splitter::new(4);
        splitter.push(b"12345");
        assert_eq!(splitter.next_line(), Some(Line::TooLong));
        splitter.resume();
        splitter.push(b"new\n");
        assert_eq!(splitter.next_line(), whole("new"));
    }

    #[test]
    fn next_line_releases_memory_of_long_line() {
        let mut splitter = Splitter::new(4 << 20);
        splitter.push(&vec![b'x'; 2 << 20]);
        splitter.push(b"\n");
        assert!(splitter.next_line().is_some());
        assert!(splitter.buffer.capacity() < 1 << 20);
    }
}
