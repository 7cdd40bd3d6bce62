//! A terminal for a program, of which the agent has the other end.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::process::Stdio;

use protocol::request::Size;

use crate::settings::User;
use crate::sys;

/// The group that terminals belong to in Debian, and in the options that `/dev/pts` is mounted with: a program without
/// a setuid bit that is of this group may write messages to them.
pub const GROUP: u32 = 5;

/// Both ends of a terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The agent's end: what it reads is output, what it writes is typed.
    ours: OwnedFd,
    /// The program's end, for as long as the program runs. It is kept open so that a program which closes its standard
    /// files, and opens `/dev/tty` later, has not hung up meanwhile.
    theirs: Option<OwnedFd>,
}

impl Terminal {
    /// Makes a terminal that belongs to the user.
    ///
    /// # Errors
    ///
    /// The kernel has none, or no more of them.
    pub fn open(size: &Size, user: Option<User>) -> io::Result<Self> {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: the path ends with a zero byte; the numbers that come back belong to nobody else; the kernel reads a
        // number that lives here.
        let (ours, theirs) = unsafe {
            let path = c"/dev/ptmx".as_ptr();
            let ours = sys::check(libc::open(path, flags | libc::O_NONBLOCK))?;
            let ours = OwnedFd::from_raw_fd(ours);
            let unlock: libc::c_int = 0;
            let number = ours.as_raw_fd();
            sys::check(libc::ioctl(number, libc::TIOCSPTLCK, &raw const unlock))?;
            // Not by its path: that would be another terminal's in another mount of `/dev/pts`.
            let theirs = sys::check(libc::ioctl(number, libc::TIOCGPTPEER, flags))?;
            (ours, OwnedFd::from_raw_fd(theirs))
        };
        if let Some(User { uid, .. }) = user {
            // SAFETY: the call takes numbers only.
            sys::check(unsafe { libc::fchown(theirs.as_raw_fd(), uid, GROUP) })?;
        }
        // Erasing takes away whole characters.
        let mut modes = modes(theirs.as_fd())?;
        modes.c_iflag |= libc::IUTF8;
        // SAFETY: the call reads a structure that lives here.
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

    /// Returns the program's end, while it is open.
    #[cfg(test)]
    pub fn theirs(&self) -> Option<&OwnedFd> {
        self.theirs.as_ref()
    }

    /// Returns the program's end as one of its standard files.
    ///
    /// # Errors
    ///
    /// There are too many open files, or the program has ended.
    pub fn stdio(&self) -> io::Result<Stdio> {
        let theirs = self.theirs.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        theirs.try_clone().map(Stdio::from)
    }

    /// Returns the agent's end once more.
    ///
    /// # Errors
    ///
    /// There are too many open files.
    pub fn ours(&self) -> io::Result<OwnedFd> {
        self.ours.try_clone()
    }

    /// Tells the program, and whatever else is on the terminal, how large it is.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn resize(&self, size: &Size) -> io::Result<()> {
        let size = libc::winsize {
            ws_row: size.rows as u16,
            ws_col: size.cols as u16,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let number = self.ours.as_raw_fd();
        // SAFETY: the kernel reads a structure that lives here.
        sys::check(unsafe { libc::ioctl(number, libc::TIOCSWINSZ, &raw const size) }).map(drop)
    }

    /// Closes the program's end: when nobody else has it open, reading ours comes to an end.
    pub fn close(&mut self) {
        self.theirs = None;
    }
}

/// Returns the character that ends input on a terminal, if there is one now.
pub fn end_of_input(file: BorrowedFd<'_>) -> Option<u8> {
    const NONE: u8 = 0;
    modes(file)
        .ok()
        .map(|modes| modes.c_cc[libc::VEOF])
        .filter(|&byte| byte != NONE)
}

/// Makes the terminal that is standard input the controlling one of this session.
///
/// # Errors
///
/// It is none, or this process leads no session.
///
/// # Safety
///
/// Safe in a forked child: it makes a system call only.
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
