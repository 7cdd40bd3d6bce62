//! The agent's log on standard error, which is the console.
//!
//! A console may be slow, and a serial one may block forever. Lines wait here, so that the agent does not.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::sys;

/// Most bytes that wait for the console. Further lines are dropped and counted.
const ROOM: usize = 32 << 10;

/// Time between two attempts to write.
pub const RETRY: Duration = Duration::from_millis(50);

/// Logs one line; `format!`'s syntax, no newline.
///
/// Unlike `eprintln!` it neither panics without a console nor blocks on it.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => {
        $crate::log::write(::core::format_args!($($argument)*))
    };
}

static LOG: Mutex<Log> = Mutex::new(Log::new());

fn lock() -> MutexGuard<'static, Log> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes one line of the log, for [`log!`].
pub fn write(line: fmt::Arguments<'_>) {
    let mut log = lock();
    if !log.is_opened {
        log.open(io::stderr().as_fd(), std::process::id() == 1);
    }
    log.add(&format!("[guest-agent] {line}\n"));
}

/// Writes waiting lines without blocking. Returns whether some still wait.
pub fn flush() -> bool {
    lock().flush()
}

/// Writes waiting lines, for at most `time`.
pub fn flush_for(time: Duration) {
    let end = Instant::now() + time;
    while flush() && Instant::now() < end {
        std::thread::sleep(RETRY / 10);
    }
}

/// Returns a file of a console that does not block; `None` for other files.
fn open_console(stderr: BorrowedFd<'_>, is_alone: bool) -> io::Result<Option<File>> {
    let file = File::from(stderr.try_clone_to_owned()?);
    if !file.metadata()?.file_type().is_char_device() {
        return Ok(None);
    }
    if is_alone {
        sys::set_nonblocking(file.as_fd())?;
        return Ok(Some(file));
    }
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", stderr.as_raw_fd()))
        .map(Some)
}

/// Lines that wait for a console.
struct Log {
    /// The console, non-blocking; without it, lines go to standard error.
    console: Option<File>,
    is_opened: bool,
    waiting: Vec<u8>,
    lost: usize,
}

impl Log {
    const fn new() -> Self {
        Self {
            console: None,
            is_opened: false,
            waiting: Vec::new(),
            lost: 0,
        }
    }

    /// Opens standard error for writes that do not block, if it is a console.
    ///
    /// Other programs may share it, and with it its flags: then the file is opened again. PID 1 has it alone.
    fn open(&mut self, stderr: BorrowedFd<'_>, is_alone: bool) {
        self.is_opened = true;
        self.console = open_console(stderr, is_alone).ok().flatten();
    }

    fn add(&mut self, line: &str) {
        if self.waiting.len() + line.len() > ROOM {
            self.lost += 1;
        } else {
            if self.lost > 0 {
                let lost = std::mem::take(&mut self.lost);
                let line = format!("[guest-agent] lost {lost} lines: the console was too slow\n");
                self.waiting.extend_from_slice(line.as_bytes());
            }
            self.waiting.extend_from_slice(line.as_bytes());
        }
        self.flush();
    }

    fn flush(&mut self) -> bool {
        let Some(console) = &mut self.console else {
            // Standard error is a file or a pipe of a test.
            let _ = io::stderr().write_all(&self.waiting);
            self.waiting.clear();
            return false;
        };
        while !self.waiting.is_empty() {
            match console.write(&self.waiting) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // The console is gone.
                Err(_) => self.waiting.clear(),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Terminal;
    use protocol::request::Size;

    #[test]
    fn add_does_not_wait_for_blocked_console() {
        let terminal = Terminal::open(&Size { rows: 24, cols: 80 }, None).unwrap();
        let theirs = terminal.theirs().unwrap();
        let mut log = Log::new();
        log.open(theirs.as_fd(), false);
        assert!(log.console.is_some());
        // Nobody reads the other end. A terminal buffers a few KiB.
        for number in 0..10_000 {
            log.add(&format!("line {number} {}\n", "x".repeat(100)));
        }
        assert!(log.waiting.len() <= ROOM && log.lost > 0);
        assert!(log.flush());
        // A reader gets the waiting lines, and then the number of lost ones.
        let mut ours = File::from(terminal.ours().unwrap());
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        // The kernel hands over lines in its own time: an end of a line is not yet the last one.
        let waiting = String::from_utf8(log.waiting.clone()).unwrap();
        let last = format!("{}\r\n", waiting.lines().last().unwrap());
        while log.flush() || !read.ends_with(last.as_bytes()) {
            if let Ok(count) = io::Read::read(&mut ours, &mut buffer) {
                read.extend_from_slice(&buffer[..count]);
            }
        }
        assert!(read.starts_with(b"line 0 "));
        log.add("last\n");
        assert!(String::from_utf8_lossy(&log.waiting).is_empty());
        let count = io::Read::read(&mut ours, &mut buffer).unwrap();
        let text = String::from_utf8_lossy(&buffer[..count]);
        assert!(
            text.contains("] lost ") && text.ends_with("last\r\n"),
            "{text:?}"
        );
    }
}
