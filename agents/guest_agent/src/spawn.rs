//! Starts programs as the user.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Command, Stdio};

use crate::config::{Config, User};
use crate::groups::Group;
use crate::sys;
use crate::terminal::{self, Terminal};

/// The file descriptor of a program's private channel to the agent.
pub const CHANNEL: RawFd = 3;

/// Most open files of one process.
const FILES: libc::rlim_t = 4096;

/// Most processes and threads of the user: enough for any build, few enough for the guest's memory.
const PROCESSES: libc::rlim_t = 1024;

/// A started program. It leads a new session and process group.
#[derive(Debug)]
pub struct Child {
    process: i32,
    file: OwnedFd,
    group: Option<Group>,
    /// The pipe to its standard input, if requested; non-blocking.
    pub stdin: Option<OwnedFd>,
    /// The pipe from its standard output; non-blocking.
    pub stdout: Option<OwnedFd>,
    /// The pipe from its standard error; non-blocking.
    pub stderr: Option<OwnedFd>,
}

impl Child {
    /// Starts a command in the home, as the user, with the user's limits. A terminal replaces all its standard files. It
    /// gets a channel as file descriptor [`CHANNEL`].
    ///
    /// # Errors
    ///
    /// The program does not exist, or the kernel could not start it.
    pub fn start(
        command: &mut Command,
        config: &Config,
        terminal: Option<&Terminal>,
        channel: Option<BorrowedFd<'_>>,
    ) -> io::Result<Self> {
        command.current_dir(&config.home);
        match terminal {
            Some(terminal) => command
                .stdin(terminal.stdio()?)
                .stdout(terminal.stdio()?)
                .stderr(terminal.stdio()?),
            None => command.stdout(Stdio::piped()).stderr(Stdio::piped()),
        };
        let groups = config.groups.as_ref();
        let group = groups.map(|groups| groups.create()).transpose()?;
        let confinement = Confinement {
            user: config.user,
            has_terminal: terminal.is_some(),
            members: group.as_ref().map(|group| group.members().as_raw_fd()),
            channel: channel.map(|file| file.as_raw_fd()),
        };
        // Reserve the number, so that the child does not use it for another file, such as the standard library's pipe for
        // failures.
        let _placeholder = channel.map(reserve_number).transpose()?;
        // SAFETY: the closure only makes system calls: it allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(move || confine(confinement));
        }
        Self::track(command.spawn()?, group, sys::process_file)
    }

    /// Tracks a started process, or kills it if that fails.
    fn track(
        mut child: process::Child,
        group: Option<Group>,
        open: impl Fn(i32) -> io::Result<OwnedFd>,
    ) -> io::Result<Self> {
        let number = child.id() as i32;
        let stdin = child.stdin.take().map(OwnedFd::from);
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        let mut pipes = stdin.iter().chain(&stdout).chain(&stderr);
        let tracked = pipes
            .try_for_each(|pipe| sys::set_nonblocking(pipe.as_fd()))
            .and_then(|()| open(number));
        match tracked {
            Ok(file) => Ok(Self {
                process: number,
                file,
                group,
                stdin,
                stdout,
                stderr,
            }),
            Err(error) => {
                sys::signal_group(number, libc::SIGKILL);
                if let Some(group) = &group {
                    group.kill();
                }
                // This is short: the process has been killed.
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Returns the process ID.
    pub fn process(&self) -> i32 {
        self.process
    }

    /// Returns a file that becomes readable when the program ends.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Sends a signal to the program and its process group.
    ///
    /// Call this only before [`Child::take_exit_code`] returns a code: afterwards the kernel may reuse the number.
    pub fn signal(&self, signal: i32) {
        sys::signal_group(self.process, signal);
    }

    /// Kills the program and everything that it started. With control groups that includes processes that left its session.
    ///
    /// Call this only before [`Child::take_exit_code`] returns a code.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
        if let Some(group) = &self.group {
            group.kill();
        }
    }

    /// Returns the exit code if the program has ended, and kills everything that it left running.
    pub fn take_exit_code(&self) -> Option<i32> {
        sys::ended_child(Some(self.process))?;
        // The zombie still reserves the number of the group.
        self.kill();
        sys::take_status(self.process).map(exit_code)
    }
}

/// Returns the exit code as a shell defines it.
fn exit_code(status: i32) -> i32 {
    if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status)
    } else {
        libc::WEXITSTATUS(status)
    }
}

/// The confinement of a process.
#[derive(Clone, Copy)]
struct Confinement {
    user: Option<User>,
    has_terminal: bool,
    /// The file to join the control group.
    members: Option<RawFd>,
    /// The file that becomes [`CHANNEL`].
    channel: Option<RawFd>,
}

/// Duplicates a file as number [`CHANNEL`], if that number is unused.
fn reserve_number(file: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(file, CHANNEL)?)
}

/// Confines the calling process, before it executes the user's program.
///
/// This runs between fork and exec, so it calls the C library: rustix does not promise that its functions are
/// async-signal-safe.
fn confine(confinement: Confinement) -> io::Result<()> {
    let Confinement {
        user,
        has_terminal,
        members,
        channel,
    } = confinement;
    // SAFETY: the calls take numbers and local structures.
    unsafe {
        // In a new session the program cannot type commands into the terminal of another one.
        sys::check(libc::setsid())?;
        if has_terminal {
            terminal::control()?;
        }
        if let Some(file) = members {
            let written = libc::write(file, c"0".as_ptr().cast(), 1);
            sys::check(if written == 1 { 0 } else { -1 })?;
        }
        // Programs expect no blocked signals; the agent blocks some.
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        sys::check(libc::sigprocmask(
            libc::SIG_SETMASK,
            &none,
            std::ptr::null_mut(),
        ))?;
        limit(libc::RLIMIT_CORE, 0)?;
        limit(libc::RLIMIT_NOFILE, FILES)?;
        // All files of the agent should be close-on-exec; this covers mistakes.
        libc::syscall(
            libc::SYS_close_range,
            3,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
        if let Some(file) = channel {
            sys::check(libc::dup2(file, CHANNEL))?;
            // If the numbers are equal, dup2 does not clear the flag.
            sys::check(libc::fcntl(CHANNEL, libc::F_SETFD, 0))?;
        }
        // After the change of the user, the process could no longer write the file.
        prefer_for_oom_killer();
        if let Some(User { uid, gid }) = user {
            // The limit counts all processes of the user, so set it only for the guest's user.
            limit(libc::RLIMIT_NPROC, PROCESSES)?;
            sys::check(libc::setgroups(0, std::ptr::null()))?;
            sys::check(libc::setresgid(gid, gid, gid))?;
            sys::check(libc::setresuid(uid, uid, uid))?;
        }
        sys::check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
    }
    Ok(())
}

/// A resource. Only glibc has a separate type for it.
#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

/// Lowers a limit. A lower one stays.
///
/// # Safety
///
/// Safe in a forked child: it only makes system calls.
unsafe fn limit(resource: Resource, value: libc::rlim_t) -> io::Result<()> {
    // SAFETY: the calls read and write a local structure.
    unsafe {
        let mut limits: libc::rlimit = std::mem::zeroed();
        sys::check(libc::getrlimit(resource, &mut limits))?;
        limits.rlim_max = limits.rlim_max.min(value);
        limits.rlim_cur = limits.rlim_cur.min(limits.rlim_max);
        sys::check(libc::setrlimit(resource, &limits))?;
    }
    Ok(())
}

/// Makes the OOM killer prefer this process to the guest's own processes.
///
/// # Safety
///
/// Safe in a forked child: it only makes system calls.
unsafe fn prefer_for_oom_killer() {
    // SAFETY: path and text are constants, and nothing else owns the file descriptor.
    unsafe {
        let file = libc::open(
            c"/proc/self/oom_score_adj".as_ptr(),
            libc::O_WRONLY | libc::O_CLOEXEC,
        );
        if file >= 0 {
            libc::write(file, c"1000".as_ptr().cast(), 4);
            libc::close(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use rustix::process::{test_kill_process, Pid};

    #[test]
    fn track_kills_process_on_failure() {
        let mut command = Command::new("sleep");
        command.arg("600").process_group(0);
        let child = command.spawn().unwrap();
        let number = child.id() as i32;
        let result = Child::track(child, None, |_| Err(io::Error::from(io::ErrorKind::Other)));
        assert!(result.is_err());
        let number = Pid::from_raw(number).unwrap();
        assert_eq!(test_kill_process(number), Err(Errno::SRCH));
    }

    #[test]
    fn exit_code_follows_shell() {
        assert_eq!(exit_code(0), 0);
        assert_eq!(exit_code(42 << 8), 42);
        assert_eq!(exit_code(libc::SIGKILL), 137);
        // With a core dump.
        assert_eq!(exit_code(libc::SIGSEGV | 0x80), 139);
    }
}
