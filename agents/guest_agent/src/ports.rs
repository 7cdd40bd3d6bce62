//! The two files that connect the agent to a host.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::sys::{self, PollFlags};

/// The files for requests and responses.
#[derive(Debug)]
pub struct Ports {
    /// The file to read requests from.
    pub requests: OwnedFd,
    /// The file to write responses to.
    pub responses: OwnedFd,
    /// Gets a signal each time a host connects or disconnects, from [`sys::signal_file`].
    ///
    /// Otherwise the agent would miss a host that reconnects at once: when the agent polls, the port has a host again.
    pub changes: Option<OwnedFd>,
}

impl Ports {
    /// Creates ports from two files, and makes the files non-blocking.
    pub fn new(requests: OwnedFd, responses: OwnedFd) -> io::Result<Self> {
        sys::set_nonblocking(requests.as_fd())?;
        sys::set_nonblocking(responses.as_fd())?;
        Ok(Self {
            requests,
            responses,
            changes: None,
        })
    }

    /// Returns the number of connects and disconnects since the last call.
    pub fn count_changes(&self) -> usize {
        let file = self.changes.as_ref();
        file.map_or(0, |file| sys::count_signals(file.as_fd()))
    }

    /// Returns whether the port for requests has no host.
    pub fn requests_hung_up(&self) -> io::Result<bool> {
        let mut entries = [sys::poll_entry(self.requests.as_fd(), PollFlags::empty())];
        sys::poll(&mut entries, Some(Duration::ZERO))?;
        Ok(!entries[0].revents().is_empty())
    }

    /// Returns whether both ports have a host.
    pub fn has_host(&self) -> io::Result<bool> {
        let mut entries = [
            sys::poll_entry(self.requests.as_fd(), PollFlags::empty()),
            sys::poll_entry(self.responses.as_fd(), PollFlags::empty()),
        ];
        sys::poll(&mut entries, Some(Duration::ZERO))?;
        Ok(entries.iter().all(|entry| entry.revents().is_empty()))
    }
}
