//! The system calls that the standard library has no functions for.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What [`poll`] waits for, and what it found.
pub type PollFd = libc::pollfd;

/// Makes an entry for [`poll`]. A hang-up is found whatever `events` says.
pub fn poll_entry(file: BorrowedFd<'_>, events: i16) -> PollFd {
    PollFd {
        fd: file.as_raw_fd(),
        events,
        revents: 0,
    }
}

/// Waits until one of the files is ready, a signal comes, or the time is over.
pub fn poll(entries: &mut [PollFd], timeout: Option<Duration>) -> io::Result<()> {
    let milliseconds = match timeout {
        // Rounded up: waking before a timer is due would mean waiting again at once.
        Some(time) => i32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i32::MAX),
        None => -1,
    };
    let count = entries.len() as libc::nfds_t;
    // SAFETY: the kernel reads and writes `count` entries of the slice.
    let result = unsafe { libc::poll(entries.as_mut_ptr(), count, milliseconds) };
    if result < 0 {
        for entry in entries {
            entry.revents = 0;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}

/// Reads what one call gives.
pub fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes into `buffer` alone, no further than its length.
    let result = unsafe { libc::read(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Writes what one call takes.
pub fn write(file: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the kernel reads `bytes` alone.
    let result = unsafe { libc::write(file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Returns how many bytes can be read from a pipe or a socket now.
pub fn waiting(file: BorrowedFd<'_>) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the kernel writes one number, which lives here.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::FIONREAD as _, &mut count) };
    if result < 0 {
        return 0;
    }
    usize::try_from(count).unwrap_or(0)
}

/// Fills bytes from the kernel's random generator.
pub fn random(bytes: &mut [u8]) -> io::Result<()> {
    // SAFETY: the kernel writes into `bytes` alone, no further than its length.
    let result = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    match usize::try_from(result) {
        Ok(count) if count == bytes.len() => Ok(()),
        Ok(_) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Makes reads and writes of a file return instead of waiting.
pub fn set_nonblocking(file: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the calls take and return numbers only.
    unsafe {
        let flags = check(libc::fcntl(file.as_raw_fd(), libc::F_GETFL))?;
        check(libc::fcntl(
            file.as_raw_fd(),
            libc::F_SETFL,
            flags | libc::O_NONBLOCK,
        ))?;
    }
    Ok(())
}

/// Returns a file that becomes readable when a process ends.
pub fn process_file(process: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only; the number that comes back belongs to nobody else.
    unsafe {
        let result = libc::syscall(libc::SYS_pidfd_open, process, 0);
        let number = i32::try_from(result).map_err(io::Error::other)?;
        Ok(OwnedFd::from_raw_fd(check(number)?))
    }
}

/// Sends a signal to a process and all others of its group.
pub fn signal_group(leader: i32, signal: i32) {
    // Group 0 or 1 would mean the caller's own, or everything.
    if leader > 1 {
        // SAFETY: the call takes numbers only.
        unsafe {
            libc::kill(-leader, signal);
        }
    }
}

/// Returns a child that has ended, and leaves it as it is: any, or the one that is named.
pub fn ended_child(which: Option<i32>) -> Option<i32> {
    let (kind, id) = match which {
        Some(process) => (libc::P_PID, process as libc::id_t),
        None => (libc::P_ALL, 0),
    };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: all-zero bytes are a valid `siginfo_t`, which the call fills; `si_pid` is what it sets for children, and
    // zero when there is none.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let result = libc::waitid(kind, id, &mut info, flags);
        (result == 0 && info.si_pid() != 0).then(|| info.si_pid())
    }
}

/// Takes the status of a child that has ended, upon which the kernel forgets it.
///
/// `None` when it has not ended, or is not a child.
pub fn take_status(process: i32) -> Option<i32> {
    let mut status = 0;
    // SAFETY: the kernel writes a number.
    let result = unsafe { libc::waitpid(process, &mut status, libc::WNOHANG) };
    (result == process).then_some(status)
}

/// Blocks signals and returns a file that they are read from instead.
///
/// To be called before any thread is started: the signals must be blocked in all of them.
pub fn signal_file(signals: &[i32]) -> io::Result<OwnedFd> {
    // SAFETY: the calls fill and read a set of signals that lives here; the number belongs to nobody else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for &signal in signals {
            libc::sigaddset(&mut set, signal);
        }
        block(&set)?;
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        Ok(OwnedFd::from_raw_fd(check(libc::signalfd(
            -1, &set, flags,
        ))?))
    }
}

/// Blocks signals.
///
/// # Safety
///
/// `set` is initialised.
unsafe fn block(set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the kernel reads the set; where the old one would go is null.
    unsafe {
        check(libc::sigprocmask(
            libc::SIG_BLOCK,
            set,
            std::ptr::null_mut(),
        ))
        .map(drop)
    }
}

/// Has a signal sent to this process whenever something happens to a file. A signal of a real-time number is sent once
/// for each time.
pub fn send_signal_on_change(file: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // The `libc` crate has no name for it.
    const F_SETSIG: i32 = 10;
    let file = file.as_raw_fd();
    // SAFETY: the calls take and return numbers only.
    unsafe {
        check(libc::fcntl(file, libc::F_SETOWN, libc::getpid()))?;
        check(libc::fcntl(file, F_SETSIG, signal))?;
        let flags = check(libc::fcntl(file, libc::F_GETFL))?;
        check(libc::fcntl(file, libc::F_SETFL, flags | libc::O_ASYNC))?;
    }
    Ok(())
}

/// Reads the signals that are there from a file of [`signal_file`], and returns how many there were.
pub fn count_signals(file: BorrowedFd<'_>) -> usize {
    const SIZE: usize = size_of::<libc::signalfd_siginfo>();
    let mut buffer = [0; SIZE * 16];
    let mut count = 0;
    while let Ok(length @ 1..) = read(file, &mut buffer) {
        count += length / SIZE;
    }
    count
}

/// Returns the time since 1970; nothing where the clock is before that.
pub fn unix_time() -> Duration {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.unwrap_or_default()
}

/// Makes a C result an error if it is one.
pub fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Returns the machine's memory in bytes.
// C libraries differ in the number's type.
#[allow(clippy::unnecessary_cast)]
pub fn memory() -> u64 {
    // SAFETY: the call fills a structure that lives here.
    unsafe {
        let mut information: libc::sysinfo = std::mem::zeroed();
        libc::sysinfo(&mut information);
        u64::from(information.mem_unit) * information.totalram as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::time::Instant;

    #[test]
    fn poll_waits_no_shorter_than_asked() {
        let start = Instant::now();
        poll(&mut [], Some(Duration::from_micros(10_100))).unwrap();
        assert!(start.elapsed() >= Duration::from_micros(10_100));
    }

    #[test]
    fn every_signal_is_counted() {
        let signal = libc::SIGRTMIN() + 5;
        let file = signal_file(&[signal]).unwrap();
        assert_eq!(count_signals(file.as_fd()), 0);
        // SAFETY: the signal is blocked in this thread, which it is sent to.
        unsafe {
            for _ in 0..20 {
                assert_eq!(libc::pthread_kill(libc::pthread_self(), signal), 0);
            }
        }
        assert_eq!(count_signals(file.as_fd()), 20);
    }

    #[test]
    fn what_is_no_child_has_no_status() {
        assert_eq!(ended_child(Some(1)), None);
        assert_eq!(take_status(1), None);
    }
}
