//! System calls without functions in the standard library.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::event;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use rustix::rand::GetRandomFlags;

pub use rustix::event::{PollFd, PollFlags};

/// Creates an entry for [`poll`]. It always reports a hang-up, whatever the `events`.
pub fn poll_entry(file: BorrowedFd<'_>, events: PollFlags) -> PollFd<'_> {
    PollFd::from_borrowed_fd(file, events)
}

/// Waits until a file is ready, a signal arrives, or the time is over.
pub fn poll(entries: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let milliseconds = match timeout {
        // Round up: waking before a timer is due would cause another wait.
        Some(time) => i32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i32::MAX),
        None => -1,
    };
    match event::poll(entries, milliseconds) {
        Ok(_) => Ok(()),
        Err(Errno::INTR) => {
            entries.iter_mut().for_each(PollFd::clear_revents);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads with one call.
pub fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(file, buffer)?)
}

/// Writes with one call.
pub fn write(file: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(file, bytes)?)
}

/// Returns the number of bytes that can be read from a pipe or a socket now.
pub fn waiting(file: BorrowedFd<'_>) -> usize {
    let count = rustix::io::ioctl_fionread(file).unwrap_or(0);
    usize::try_from(count).unwrap_or(0)
}

/// Fills bytes from the kernel's random generator.
pub fn random(bytes: &mut [u8]) -> io::Result<()> {
    let length = bytes.len();
    match rustix::rand::getrandom(bytes, GetRandomFlags::empty())? {
        count if count == length => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Makes a file non-blocking.
pub fn set_nonblocking(file: BorrowedFd<'_>) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    Ok(rustix::fs::fcntl_setfl(file, flags | OFlags::NONBLOCK)?)
}

/// Returns a file that becomes readable when a process ends.
pub fn process_file(process: i32) -> io::Result<OwnedFd> {
    let process = Pid::from_raw(process).ok_or(Errno::INVAL)?;
    Ok(rustix::process::pidfd_open(process, PidfdFlags::empty())?)
}

/// Sends a signal to a process group.
pub fn signal_group(leader: i32, signal: i32) {
    // 0 would mean the group of the caller, and 1 all processes.
    let leader = Pid::from_raw(leader).filter(|_| leader > 1);
    if let (Some(leader), Some(signal)) = (leader, Signal::from_raw(signal)) {
        // It fails if the group has ended.
        let _ = rustix::process::kill_process_group(leader, signal);
    }
}

/// Returns a child that has ended, any or a given one, and leaves it a zombie.
pub fn ended_child(which: Option<i32>) -> Option<i32> {
    let (kind, id) = match which {
        Some(process) => (libc::P_PID, process as libc::id_t),
        None => (libc::P_ALL, 0),
    };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: all-zero bytes are a valid `siginfo_t`, which the call fills. For a child the call sets `si_pid`, which stays
    // zero otherwise.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let result = libc::waitid(kind, id, &mut info, flags);
        (result == 0 && info.si_pid() != 0).then(|| info.si_pid())
    }
}

/// Takes the status of a child that has ended, and so reaps it.
///
/// Returns `None` if it still runs, or is not a child.
pub fn take_status(process: i32) -> Option<i32> {
    let process = Pid::from_raw(process)?;
    let status = rustix::process::waitpid(Some(process), WaitOptions::NOHANG);
    Some(status.ok().flatten()?.as_raw() as i32)
}

/// Blocks signals and returns a file to read them from.
///
/// Call this before starting any thread: the signals must be blocked in all of them.
pub fn signal_file(signals: &[i32]) -> io::Result<OwnedFd> {
    // SAFETY: the calls fill and read a local set of signals, and nothing else owns the file descriptor.
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
/// `set` must be initialized.
unsafe fn block(set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the kernel reads the set; the pointer for the old set is null.
    unsafe {
        check(libc::sigprocmask(
            libc::SIG_BLOCK,
            set,
            std::ptr::null_mut(),
        ))
        .map(drop)
    }
}

/// Makes writes to a pipe or socket without a reader return an error, not end this process.
pub fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal installs no code.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Makes the kernel send a signal to this process for each event of a file. Real-time signals queue, one per event.
pub fn send_signal_on_change(file: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // The `libc` crate does not define it.
    const F_SETSIG: i32 = 10;
    let number = file.as_raw_fd();
    // SAFETY: the calls take and return numbers only.
    unsafe {
        check(libc::fcntl(number, libc::F_SETOWN, libc::getpid()))?;
        check(libc::fcntl(number, F_SETSIG, signal))?;
    }
    let flags = rustix::fs::fcntl_getfl(file)? | OFlags::from_bits_retain(libc::O_ASYNC as u32);
    Ok(rustix::fs::fcntl_setfl(file, flags)?)
}

/// Reads all pending signals from a file of [`signal_file`], and returns their number.
pub fn count_signals(file: BorrowedFd<'_>) -> usize {
    const SIZE: usize = size_of::<libc::signalfd_siginfo>();
    let mut buffer = [0; SIZE * 16];
    let mut count = 0;
    while let Ok(length @ 1..) = read(file, &mut buffer) {
        count += length / SIZE;
    }
    count
}

/// Returns the time since 1970, or zero for an earlier time.
pub fn unix_time() -> Duration {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.unwrap_or_default()
}

/// Converts the result of a C function.
pub fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Returns the machine's memory in bytes.
pub fn memory() -> u64 {
    let information = rustix::system::sysinfo();
    u64::from(information.mem_unit) * information.totalram
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::time::Instant;

    #[test]
    fn poll_waits_at_least_timeout() {
        let start = Instant::now();
        poll(&mut [], Some(Duration::from_micros(10_100))).unwrap();
        assert!(start.elapsed() >= Duration::from_micros(10_100));
    }

    #[test]
    fn count_signals_counts_every_signal() {
        let signal = libc::SIGRTMIN() + 5;
        let file = signal_file(&[signal]).unwrap();
        assert_eq!(count_signals(file.as_fd()), 0);
        // SAFETY: the signal goes to this thread, which blocks it.
        unsafe {
            for _ in 0..20 {
                assert_eq!(libc::pthread_kill(libc::pthread_self(), signal), 0);
            }
        }
        assert_eq!(count_signals(file.as_fd()), 20);
    }

    #[test]
    fn take_status_returns_none_for_other_processes() {
        assert_eq!(ended_child(Some(1)), None);
        assert_eq!(take_status(1), None);
    }
}
