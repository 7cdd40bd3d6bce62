//! The agent's end of the private channel to an interpreter, with one request and one answer line per exec.

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use crate::sys::{self, PollFd, PollFlags};

/// Longest answer of an interpreter, in bytes.
const LONGEST: usize = 256;

/// A random number, as 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Creates a token.
    ///
    /// # Errors
    ///
    /// The kernel returned no random bytes.
    pub fn new() -> io::Result<Self> {
        let mut bytes = [0; 16];
        sys::random(&mut bytes)?;
        let mut text = String::with_capacity(32);
        for byte in bytes {
            // Writing to memory does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The agent's end of a channel. Reads and writes never block.
///
/// User code runs in the process at the other end. The agent reads bounded chunks from it, and accepts only an answer with
/// the token of the current exec.
#[derive(Debug)]
pub struct Channel {
    file: Option<OwnedFd>,
    outgoing: Vec<u8>,
    sent: usize,
    incoming: Vec<u8>,
}

impl Channel {
    /// Creates a channel. Returns the agent's end and the interpreter's end.
    ///
    /// # Errors
    ///
    /// The kernel could not create the sockets.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let channel = Self {
            file: Some(ours.into()),
            outgoing: Vec::new(),
            sent: 0,
            incoming: Vec::new(),
        };
        Ok((channel, theirs.into()))
    }

    /// Returns the entry for `poll`.
    pub fn poll_entry(&self) -> Option<PollFd<'_>> {
        let file = self.file.as_ref()?;
        Some(sys::poll_entry(file.as_fd(), self.events()))
    }

    fn events(&self) -> PollFlags {
        if self.outgoing.is_empty() {
            PollFlags::IN
        } else {
            PollFlags::IN | PollFlags::OUT
        }
    }

    /// Returns whether the channel is open.
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Sends a message. It replaces the unsent rest of an earlier one.
    pub fn send(&mut self, message: Vec<u8>) {
        self.outgoing = message;
        self.sent = 0;
        self.write();
    }

    /// Writes as much as possible without blocking.
    pub fn write(&mut self) {
        while self.sent < self.outgoing.len() {
            let Some(file) = &self.file else {
                break;
            };
            match sys::write(file.as_fd(), &self.outgoing[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.file = None,
            }
        }
        self.outgoing = Vec::new();
        self.sent = 0;
    }

    /// Reads once. Returns the exit code if that completed the answer with the token. Drops everything else, including
    /// answers with another token: a process that an earlier exec left running may send them.
    pub fn read(&mut self, token: Option<&Token>) -> Option<u8> {
        let mut buffer = [0; 4096];
        match sys::read(self.file.as_ref()?.as_fd(), &mut buffer) {
            Ok(0) => self.file = None,
            Ok(count) => return self.take(&buffer[..count], token),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                _ => self.file = None,
            },
        }
        None
    }

    fn take(&mut self, bytes: &[u8], token: Option<&Token>) -> Option<u8> {
        let mut code = None;
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            // A line of one byte more than the limit counts as too long.
            let room = (LONGEST + 1).saturating_sub(self.incoming.len());
            self.incoming
                .extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.incoming);
                code = code.or_else(|| parse(&line, token?));
            }
        }
        code
    }
}

/// Returns the exit code of an answer with the token: `{"token": "…", "exit_code": 0}`.
fn parse(line: &[u8], token: &Token) -> Option<u8> {
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let content = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let (mut is_ours, mut code) = (false, None);
    // Neither value contains a comma or a colon.
    for field in content.split(',') {
        let (name, value) = field.split_once(':')?;
        match (name.trim(), value.trim()) {
            ("\"token\"", value) => {
                is_ours = value.strip_prefix('"')?.strip_suffix('"')? == token.as_str();
            }
            ("\"exit_code\"", value) => code = value.parse().ok(),
            _ => return None,
        }
    }
    code.filter(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn channel() -> (Channel, UnixStream) {
        let (channel, theirs) = Channel::pair().unwrap();
        (channel, theirs.into())
    }

    fn answer(token: &Token, code: u8) -> String {
        format!(
            "{{\"token\": \"{}\", \"exit_code\": {code}}}\n",
            token.as_str()
        )
    }

    #[test]
    fn new_returns_distinct_tokens() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_eq!(one.as_str().len(), 32);
        assert_ne!(one, other);
    }

    #[test]
    fn read_returns_exit_code_of_answer_with_token() {
        let (mut channel, mut theirs) = channel();
        let (old, token) = (Token::new().unwrap(), Token::new().unwrap());
        theirs.write_all(answer(&old, 3).as_bytes()).unwrap();
        assert_eq!(channel.read(Some(&token)), None);
        let compact = answer(&token, 255).replace(' ', "");
        theirs.write_all(&compact.as_bytes()[..20]).unwrap();
        assert_eq!(channel.read(Some(&token)), None);
        theirs.write_all(&compact.as_bytes()[20..]).unwrap();
        assert_eq!(channel.read(Some(&token)), Some(255));
    }

    #[test]
    fn read_drops_other_lines_within_bounds() {
        let (mut channel, mut theirs) = channel();
        let token = Token::new().unwrap();
        let digits = token.as_str();
        for line in [
            "\n".to_owned(),
            "null\n".to_owned(),
            format!("{{\"token\":\"{digits}\"}}\n"),
            "{\"exit_code\":0}\n".to_owned(),
            format!("{{\"token\":\"{digits}\",\"exit_code\":256}}\n"),
            format!("{{\"token\":\"{digits}\",\"exit_code\":-1}}\n"),
            format!("{{\"token\":\"{digits}\",\"exit_code\":0,\"more\":1}}\n"),
            format!("{}{}", " ".repeat(LONGEST), answer(&token, 0)),
        ] {
            theirs.write_all(line.as_bytes()).unwrap();
            assert_eq!(channel.read(Some(&token)), None, "{line}");
        }
        theirs.write_all(&[b'x'; 4000]).unwrap();
        assert_eq!(channel.read(Some(&token)), None);
        assert!(channel.incoming.len() <= LONGEST + 1);
        theirs.write_all(b"\n").unwrap();
        theirs.write_all(answer(&token, 7).as_bytes()).unwrap();
        assert_eq!(channel.read(None), None, "nothing runs");
        theirs.write_all(answer(&token, 8).as_bytes()).unwrap();
        assert_eq!(channel.read(Some(&token)), Some(8));
    }

    #[test]
    fn send_waits_for_room() {
        let (mut channel, mut theirs) = channel();
        let line = vec![b'x'; 4 << 20];
        channel.send(line.clone());
        assert!(channel.events().contains(PollFlags::OUT));
        let mut received = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        while received.len() < line.len() {
            let count = io::Read::read(&mut theirs, &mut buffer).unwrap();
            received.extend_from_slice(&buffer[..count]);
            channel.write();
        }
        assert_eq!(received, line);
        assert_eq!(channel.events(), PollFlags::IN);
    }

    #[test]
    fn read_closes_channel_at_end() {
        let (mut channel, theirs) = channel();
        drop(theirs);
        assert_eq!(channel.read(None), None);
        assert!(!channel.is_open() && channel.poll_entry().is_none());
        channel.send(b"line\n".to_vec());
    }
}
