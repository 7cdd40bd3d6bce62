//! The agent's log: standard error, which is the console.
//!
//! A console may take its time, and a serial one may stop for ever. Lines wait here for it, and the agent does not.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most bytes that wait for the console. Later lines are lost, and counted.
const ROOM: usize = 32 << 10;

/// Time between two attempts to write what waits.
pub const RETRY: Duration = Duration::from_millis(50);

/// Logs one line; `format!`'s syntax, no newline.
///
/// Unlike `eprintln!` it neither panics when the console is gone nor waits for it.
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

/// Writes one line of the log; called by [`log!`].
pub fn write(line: fmt::Arguments<'_>) {
    let mut log = lock();
    log.open(Path::new("/proc/self/fd/2"));
    log.add(&format!("[guest-agent] {line}\n"));
}

/// Writes what waits, as far as the console takes it. Returns whether something still waits.
pub fn flush() -> bool {
    lock().flush()
}

/// Writes what waits, and gives the console a moment to take it.
pub fn flush_for(time: Duration) {
    let end = Instant::now() + time;
    while flush() && Instant::now() < end {
        std::thread::sleep(RETRY / 10);
    }
}

/// Lines on their way to a console.
struct Log {
    /// The console, opened so that writing does not wait; without it, lines go to standard error.
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

    /// Opens a terminal once more. Flags of the file that other programs have as standard error stay as they are.
    fn open(&mut self, path: &Path) {
        if std::mem::replace(&mut self.is_opened, true) {
            return;
        }
        let is_device = path
            .metadata()
            .is_ok_and(|file| file.file_type().is_char_device());
        let mut options = OpenOptions::new();
        options
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        self.console = is_device.then(|| options.open(path).ok()).flatten();
    }

    fn add(&mut self, line: &str) {
        if self.waiting.len() + line.len() > ROOM {
            self.lost += 1;
        } else {
            if self.lost > 0 {
                let lost = std::mem::take(&mut self.lost);
                let line =
                    format!("[guest-agent] {lost} lines are lost: the console was too slow\n");
                self.waiting.extend_from_slice(line.as_bytes());
            }
            self.waiting.extend_from_slice(line.as_bytes());
        }
        self.flush();
    }

    fn flush(&mut self) -> bool {
        let Some(console) = &mut self.console else {
            // A file or a pipe of a test.
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
    use std::os::fd::AsRawFd;

    #[test]
    fn add_does_not_wait_for_a_console_that_takes_nothing() {
        let terminal = Terminal::open(&Size { rows: 24, cols: 80 }, None).unwrap();
        let theirs = terminal.theirs().unwrap();
        let mut log = Log::new();
        log.open(Path::new(&format!("/proc/self/fd/{}", theirs.as_raw_fd())));
        assert!(log.console.is_some());
        // Nobody reads the other end: a terminal holds a few KiB.
        for number in 0..10_000 {
            log.add(&format!("line {number} {}\n", "x".repeat(100)));
        }
        assert!(log.waiting.len() <= ROOM && log.lost > 0);
        assert!(log.flush());
        // A reader gets the lines that waited, and then the number of those that are lost.
        let mut ours = File::from(terminal.ours().unwrap());
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        while log.flush() || !read.ends_with(b"\n") {
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
            text.contains("lines are lost") && text.ends_with("last\r\n"),
            "{text:?}"
        );
    }
}
