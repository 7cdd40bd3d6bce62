//! Pseudoterminals for programs.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::process::Stdio;

use protocol::request::Size;

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
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: the path ends with a zero byte, the kernel reads a local number, and nothing else owns the returned file
        // descriptors.
        let (ours, theirs) = unsafe {
            let path = c"/dev/ptmx".as_ptr();
            let ours = sys::check(libc::open(path, flags | libc::O_NONBLOCK))?;
            let ours = OwnedFd::from_raw_fd(ours);
            let unlock: libc::c_int = 0;
            let number = ours.as_raw_fd();
            sys::check(libc::ioctl(number, libc::TIOCSPTLCK, &raw const unlock))?;
            // A path would be unreliable: in another mount of `/dev/pts` it names another terminal.
            let theirs = sys::check(libc::ioctl(number, libc::TIOCGPTPEER, flags))?;
            (ours, OwnedFd::from_raw_fd(theirs))
        };
        if let Some(User { uid, .. }) = user {
            // SAFETY: the call takes numbers only.
            sys::check(unsafe { libc::fchown(theirs.as_raw_fd(), uid, GROUP) })?;
        }
        // IUTF8 makes erasing remove whole characters.
        let mut modes = modes(theirs.as_fd())?;
        modes.c_iflag |= libc::IUTF8;
        // SAFETY: the call reads a local structure.
        sys::check(unsafe {
            libc::tcsetattr(theirs.as_raw_fd(), libc::TCSANOW, &raw const modes)
        })?;
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
        let size = libc::winsize {
            ws_row: size.rows as u16,
            ws_col: size.cols as u16,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let number = self.ours.as_raw_fd();
        // SAFETY: the kernel reads a local structure.
        sys::check(unsafe { libc::ioctl(number, libc::TIOCSWINSZ, &raw const size) }).map(drop)
    }

    /// Closes the program's end. When no process has it open, reading the agent's end returns an end of file.
    pub fn close(&mut self) {
        self.theirs = None;
    }
}

/// Returns the end-of-file character of a terminal, if it is enabled.
pub fn end_of_input(file: BorrowedFd<'_>) -> Option<u8> {
    const NONE: u8 = 0;
    modes(file)
        .ok()
        .map(|modes| modes.c_cc[libc::VEOF])
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

fn modes(file: BorrowedFd<'_>) -> io::Result<libc::termios> {
    // SAFETY: all-zero bytes are a valid `termios`, which the call fills.
    unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        sys::check(libc::tcgetattr(file.as_raw_fd(), &raw mut modes))?;
        Ok(modes)
    }
}
