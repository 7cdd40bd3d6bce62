//! The two ends of the wire in the guest.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::sys;

/// The files that requests are read from and answers are written to.
#[derive(Debug)]
pub struct Link {
    /// Where requests come.
    pub requests: OwnedFd,
    /// Where answers go.
    pub answers: OwnedFd,
    /// Gets a signal each time a host comes or goes, from [`sys::signal_file`].
    ///
    /// A host that comes back at once is not seen otherwise: by the time the agent looks, the port has a host again.
    pub changes: Option<OwnedFd>,
}

impl Link {
    /// Makes a link of two files, which do not wait from now on.
    pub fn new(requests: OwnedFd, answers: OwnedFd) -> io::Result<Self> {
        sys::set_nonblocking(requests.as_fd())?;
        sys::set_nonblocking(answers.as_fd())?;
        Ok(Self {
            requests,
            answers,
            changes: None,
        })
    }

    /// Returns how many times a host came or went since the last call.
    pub fn count_changes(&self) -> usize {
        let file = self.changes.as_ref();
        file.map_or(0, |file| sys::count_signals(file.as_fd()))
    }

    /// Returns whether nobody is on the port that requests come from.
    pub fn requests_hung_up(&self) -> io::Result<bool> {
        let mut entries = [sys::poll_entry(self.requests.as_fd(), 0)];
        sys::poll(&mut entries, Some(Duration::ZERO))?;
        Ok(entries[0].revents != 0)
    }

    /// Returns whether a host is on both ports.
    pub fn has_host(&self) -> io::Result<bool> {
        let mut entries = [
            sys::poll_entry(self.requests.as_fd(), 0),
            sys::poll_entry(self.answers.as_fd(), 0),
        ];
        sys::poll(&mut entries, Some(Duration::ZERO))?;
        Ok(entries.iter().all(|entry| entry.revents == 0))
    }
}
