//! Standard input of a program.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use protocol::{limits, Error, ErrorType};

use crate::sys::{self, PollFd, PollFlags};
use crate::terminal;

/// Standard input that a program has not read yet.
#[derive(Debug)]
pub struct Input {
    file: Option<OwnedFd>,
    waiting: Vec<u8>,
    eof: bool,
    /// Whether the host requested it.
    requested: bool,
    /// Whether it is typed into a terminal, where the end of input is a character, and more may follow.
    terminal: bool,
}

impl Input {
    /// Creates the input of a program; without a file the program has no input.
    pub fn new(file: Option<OwnedFd>) -> Self {
        Self {
            requested: file.is_some(),
            file,
            waiting: Vec::new(),
            eof: false,
            terminal: false,
        }
    }

    /// Creates the input of a program on a terminal from the agent's end of the terminal.
    pub fn typed(file: OwnedFd) -> Self {
        Self {
            terminal: true,
            ..Self::new(Some(file))
        }
    }

    /// Adds data. Returns the number of bytes that the program has not read yet.
    ///
    /// # Errors
    ///
    /// The program was started without standard input, the input is closed, or the buffer is full.
    pub fn push(&mut self, data: &[u8], eof: bool) -> Result<usize, Error> {
        let refuse = |kind, why: &str| Err(Error::new(kind, why));
        if !self.requested {
            let why = "the program was started without stdin";
            return refuse(ErrorType::StdinNotRequested, why);
        }
        let Some(file) = self.file.as_ref().filter(|_| !self.eof) else {
            return refuse(
                ErrorType::StdinClosed,
                "the program's standard input is closed",
            );
        };
        if data.len() > limits::STDIN {
            let most = limits::STDIN;
            return refuse(
                ErrorType::Validation,
                &format!("data: has more than {most} bytes"),
            );
        }
        if self.waiting.len() + data.len() > limits::STDIN {
            let why = "the buffer of the program's standard input is full";
            return refuse(ErrorType::StdinFull, why);
        }
        self.waiting.extend_from_slice(data);
        if self.terminal {
            let end = terminal::end_of_input(file.as_fd()).filter(|_| eof);
            self.waiting.extend(end);
        } else {
            self.eof = eof;
        }
        self.send();
        Ok(self.waiting.len())
    }

    /// Writes as much as possible without blocking.
    pub fn send(&mut self) {
        let Some(file) = &self.file else {
            return;
        };
        let mut sent = 0;
        let mut gone = false;
        while sent < self.waiting.len() {
            match sys::write(file.as_fd(), &self.waiting[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    gone = error.kind() != io::ErrorKind::WouldBlock;
                    break;
                }
            }
        }
        self.waiting.drain(..sent);
        if gone || (self.eof && self.waiting.is_empty()) {
            self.file = None;
            self.waiting = Vec::new();
        }
    }

    /// Returns the entry for `poll`, if there is data to write.
    pub fn poll_entry(&self) -> Option<PollFd<'_>> {
        let file = self.file.as_ref().filter(|_| !self.waiting.is_empty())?;
        Some(sys::poll_entry(file.as_fd(), PollFlags::OUT))
    }
}
