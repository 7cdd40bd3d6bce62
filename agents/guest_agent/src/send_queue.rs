//! The queue of responses for the host.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::sys;

/// Bytes in the queue above which the agent stops producing responses.
const ROOM: usize = 256 << 10;

/// Most sent lines whose memory the queue keeps: it has room for two lines with chunks of files.
const SPARES: usize = 2;

/// A waiting line.
#[derive(Debug)]
struct Waiting {
    line: Vec<u8>,
    since: Instant,
}

/// Lines that the host has yet to read.
#[derive(Debug, Default)]
pub struct SendQueue {
    lines: VecDeque<Waiting>,
    /// Number of bytes of the first line that are sent.
    sent: usize,
    bytes: usize,
    /// The memory of lines that are sent, for the next ones.
    spares: Vec<Vec<u8>>,
    keeps_spares: bool,
}

impl SendQueue {
    /// Adds a line, even without room: callers check [`SendQueue::has_room`] before they produce large responses.
    pub fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(Waiting {
            line,
            since: Instant::now(),
        });
    }

    /// Sets whether the queue keeps the memory of sent lines: new memory costs more than what is written to it, and an
    /// agent at rest needs none.
    pub fn keep_spares(&mut self, keeps: bool) {
        self.keeps_spares = keeps;
        if !keeps {
            self.spares = Vec::new();
        }
    }

    /// Takes memory for a line: that of a sent line, if the queue has kept one. Its content has no meaning.
    pub fn take_spare(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    /// Returns whether callers may produce more.
    pub fn has_room(&self) -> bool {
        self.bytes < ROOM
    }

    /// Returns whether everything is sent.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the queue of the next host, with the lines that were added from `since` on.
    ///
    /// A partly sent line is dropped in any case: the next host must not receive its rest.
    pub fn hand_over(mut self, since: Instant) -> Self {
        if self.sent > 0 {
            self.lines.pop_front();
        }
        self.lines.retain(|waiting| waiting.since >= since);
        let bytes = self.lines.iter().map(|waiting| waiting.line.len()).sum();
        Self {
            lines: self.lines,
            sent: 0,
            bytes,
            ..Self::default()
        }
    }

    /// Sends as much as possible without blocking.
    pub fn send(&mut self, file: BorrowedFd<'_>) -> io::Result<()> {
        while let Some(Waiting { line, .. }) = self.lines.front() {
            match sys::write(file, &line[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if self.sent == line.len() {
                self.bytes -= self.sent;
                self.sent = 0;
                let sent = self.lines.pop_front();
                if self.keeps_spares && self.spares.len() < SPARES {
                    self.spares.extend(sent.map(|waiting| waiting.line));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn send_delivers_everything_in_order_to_slow_host() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut queue = SendQueue::default();
        let mut expected = Vec::new();
        for number in 0..20_u8 {
            let line = vec![number; 100_000];
            expected.extend_from_slice(&line);
            queue.push(line);
        }
        assert!(!queue.has_room());
        let mut received = Vec::new();
        let mut buffer = [0; 10_000];
        while received.len() < expected.len() {
            queue.send(ours.as_fd()).unwrap();
            let count = theirs.read(&mut buffer).unwrap();
            received.extend_from_slice(&buffer[..count]);
        }
        assert!(queue.is_empty() && queue.has_room());
        assert_eq!(received, expected);
    }

    #[test]
    fn take_spare_returns_memory_of_sent_lines_while_kept() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut queue = SendQueue::default();
        let send = |queue: &mut SendQueue| {
            for _ in 0..=SPARES {
                queue.push(Vec::from(*b"line\n"));
            }
            queue.send(ours.as_fd()).unwrap();
        };
        send(&mut queue);
        assert_eq!(queue.take_spare().capacity(), 0);
        queue.keep_spares(true);
        send(&mut queue);
        for _ in 0..SPARES {
            assert!(queue.take_spare().capacity() >= 5);
        }
        assert_eq!(queue.take_spare().capacity(), 0);
        send(&mut queue);
        queue.keep_spares(false);
        assert_eq!(queue.take_spare().capacity(), 0);
    }

    #[test]
    fn hand_over_keeps_whole_lines_of_next_host() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut queue = SendQueue::default();
        queue.push(b"old\n".to_vec());
        let begun = Instant::now();
        queue.push(vec![b'x'; 10 << 20]);
        queue.send(ours.as_fd()).unwrap();
        assert!(!queue.is_empty());
        queue.push(b"new\n".to_vec());
        let mut queue = queue.hand_over(begun);
        let mut rest = vec![0; 10 << 20];
        assert!(theirs.read(&mut rest).unwrap() > 0);
        theirs.set_nonblocking(true).unwrap();
        while theirs.read(&mut rest).is_ok() {}
        queue.send(ours.as_fd()).unwrap();
        assert_eq!(theirs.read(&mut rest).unwrap(), 4);
    }
}
