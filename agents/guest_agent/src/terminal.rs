//! Pseudoterminals for programs.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::fchown;
use std::process::Stdio;

use protocol::request::Size;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{ioctl_tiocgptpeer, unlockpt, OpenptFlags};
use rustix::termios::{
    tcgetattr, tcsetattr, tcsetwinsize, InputModes, OptionalActions, SpecialCodeIndex, Winsize,
};

use crate::config::User;
use crate::sys;

/// The group of terminals in Debian and in the mount options of `/dev/pts`. Setgid programs of this group may write messages
/// to terminals.
pub const GROUP: u32 = 5;

/// Both ends of a terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The agent's end. It reads output and writes typed input.
    ours: OwnedFd,
    /// The program's end. It stays open while the program runs, so that a program may close its standard files and open
    /// `/dev/tty` later without hanging up.
    theirs: Option<OwnedFd>,
}

impl Terminal {
    /// Opens a terminal that belongs to the user.
    ///
    /// # Errors
    ///
    /// The kernel has no terminals, or no free one.
    pub fn open(size: &Size, user: Option<User>) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let ours = rustix::fs::open(c"/dev/ptmx", flags, Mode::empty())?;
        unlockpt(&ours)?;
        // A path would be unreliable: in another mount of `/dev/pts` it names another terminal.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let theirs = ioctl_tiocgptpeer(&ours, flags)?;
        if let Some(User { uid, .. }) = user {
            fchown(&theirs, Some(uid), Some(GROUP))?;
        }
        // IUTF8 makes erasing remove whole characters.
        let mut modes = tcgetattr(&theirs)?;
        modes.input_modes |= InputModes::IUTF8;
        tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        let terminal = Self {
            ours,
            theirs: Some(theirs),
        };
        terminal.resize(size)?;
        Ok(terminal)
    }

    /// Returns the program's end, if it is open.
    #[cfg(test)]
    pub fn theirs(&self) -> Option<&OwnedFd> {
        self.theirs.as_ref()
    }

    /// Duplicates the program's end as one of its standard files.
    ///
    /// # Errors
    ///
    /// Too many files are open, or the program has ended.
    pub fn stdio(&self) -> io::Result<Stdio> {
        let theirs = self.theirs.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        theirs.try_clone().map(Stdio::from)
    }

    /// Duplicates the agent's end.
    ///
    /// # Errors
    ///
    /// Too many files are open.
    pub fn ours(&self) -> io::Result<OwnedFd> {
        self.ours.try_clone()
    }

    /// Resizes the terminal and notifies its programs.
    ///
    /// # Errors
    ///
    /// The kernel rejected the size.
    pub fn resize(&self, size: &Size) -> io::Result<()> {
        let size = Winsize {
            ws_row: size.rows as u16,
            ws_col: size.cols as u16,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(tcsetwinsize(&self.ours, size)?)
    }

    /// Closes the program's end. When no process has it open, reading the agent's end returns an end of file.
    pub fn close(&mut self) {
        self.theirs = None;
    }
}

/// Returns the end-of-file character of a terminal, if it is enabled.
pub fn end_of_input(file: BorrowedFd<'_>) -> Option<u8> {
    const NONE: u8 = 0;
    tcgetattr(file)
        .ok()
        .map(|modes| modes.special_codes[SpecialCodeIndex::VEOF])
        .filter(|&byte| byte != NONE)
}

/// Makes the terminal on standard input the controlling terminal of this session.
///
/// # Errors
///
/// Standard input is not a terminal, or this process does not lead a session.
///
/// # Safety
///
/// Safe in a forked child: it only makes a system call.
pub unsafe fn control() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    sys::check(unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) }).map(drop)
}
