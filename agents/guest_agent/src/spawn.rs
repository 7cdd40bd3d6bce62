//! Starting programs of the user.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Command, Stdio};

use crate::groups::Group;
use crate::settings::{Settings, User};
use crate::sys;
use crate::terminal::{self, Terminal};

/// The file that a program has its private channel to the agent in.
pub const CHANNEL: RawFd = 3;

/// Most open files of one process.
const FILES: libc::rlim_t = 4096;

/// Most processes and threads of the user: enough for any build, far from what the guest's memory holds.
const PROCESSES: libc::rlim_t = 1024;

/// A program that was started. It leads a session and a process group of its own.
#[derive(Debug)]
pub struct Child {
    process: i32,
    file: OwnedFd,
    group: Option<Group>,
    /// What it reads from standard input, if that was asked for; writing does not wait.
    pub stdin: Option<OwnedFd>,
    /// What it writes to standard output; reading does not wait.
    pub stdout: Option<OwnedFd>,
    /// What it writes to standard error; reading does not wait.
    pub stderr: Option<OwnedFd>,
}

impl Child {
    /// Starts a command in the home, as the user, with the user's limits; on a terminal if there is one, which then is
    /// all its standard files. It gets the file of a channel as number [`CHANNEL`].
    ///
    /// # Errors
    ///
    /// There is no such program, or the kernel could not start it.
    pub fn start(
        command: &mut Command,
        settings: &Settings,
        terminal: Option<&Terminal>,
        channel: Option<BorrowedFd<'_>>,
    ) -> io::Result<Self> {
        command.current_dir(&settings.home);
        match terminal {
            Some(terminal) => command
                .stdin(terminal.stdio()?)
                .stdout(terminal.stdio()?)
                .stderr(terminal.stdio()?),
            None => command.stdout(Stdio::piped()).stderr(Stdio::piped()),
        };
        let groups = settings.groups.as_ref();
        let group = groups.map(|groups| groups.make()).transpose()?;
        let confinement = Confinement {
            user: settings.user,
            has_terminal: terminal.is_some(),
            members: group.as_ref().map(|group| group.members().as_raw_fd()),
            channel: channel.map(|file| file.as_raw_fd()),
        };
        // The child must not find something else at that number, such as the pipe that the standard library reports
        // failures by.
        let _placeholder = channel.map(keep_number).transpose()?;
        // SAFETY: the closure makes system calls only: it allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(move || confine(confinement));
        }
        Self::track(command.spawn()?, group, sys::process_file)
    }

    /// Tracks a process that was started. One that cannot be tracked is ended.
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
                // It has been killed: this does not take long.
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Returns the number of the process.
    pub fn process(&self) -> i32 {
        self.process
    }

    /// Returns a file that becomes readable when the program ends.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Sends a signal to the program and all others of its group.
    ///
    /// Only while [`Child::take_exit_code`] has returned nothing: afterwards the number may be another group's.
    pub fn signal(&self, signal: i32) {
        sys::signal_group(self.process, signal);
    }

    /// Ends the program and all that it started; what left its session too, if there are control groups.
    ///
    /// Only while [`Child::take_exit_code`] has returned nothing, likewise.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
        if let Some(group) = &self.group {
            group.kill();
        }
    }

    /// Returns the exit code once the program has ended, and ends whatever it left behind.
    pub fn take_exit_code(&self) -> Option<i32> {
        sys::ended_child(Some(self.process))?;
        // The ended leader still holds the group's number.
        self.kill();
        sys::take_status(self.process).map(exit_code)
    }
}

/// Returns what a shell would call the exit code.
fn exit_code(status: i32) -> i32 {
    if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status)
    } else {
        libc::WEXITSTATUS(status)
    }
}

/// How a process is confined.
#[derive(Clone, Copy)]
struct Confinement {
    user: Option<User>,
    has_terminal: bool,
    /// What it joins its control group by.
    members: Option<RawFd>,
    /// What becomes [`CHANNEL`].
    channel: Option<RawFd>,
}

/// Opens a file as number [`CHANNEL`] if nothing is open as that.
fn keep_number(file: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only; the number that comes back belongs to nobody else.
    unsafe {
        let number = libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, CHANNEL);
        Ok(OwnedFd::from_raw_fd(sys::check(number)?))
    }
}

/// Confines the calling process, which is about to become the user's.
fn confine(confinement: Confinement) -> io::Result<()> {
    let Confinement {
        user,
        has_terminal,
        members,
        channel,
    } = confinement;
    // SAFETY: the calls take numbers, and structures that live here.
    unsafe {
        // A session of its own has no terminal that it could type commands into, other than the one made for it.
        sys::check(libc::setsid())?;
        if has_terminal {
            terminal::control()?;
        }
        if let Some(file) = members {
            let written = libc::write(file, c"0".as_ptr().cast(), 1);
            sys::check(if written == 1 { 0 } else { -1 })?;
        }
        // The agent blocks signals for itself; programs expect none to be blocked.
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        sys::check(libc::sigprocmask(
            libc::SIG_SETMASK,
            &none,
            std::ptr::null_mut(),
        ))?;
        limit(libc::RLIMIT_CORE, 0)?;
        limit(libc::RLIMIT_NOFILE, FILES)?;
        // Every file of the agent is closed by exec anyway; this is for the one that somebody forgets.
        libc::syscall(
            libc::SYS_close_range,
            3,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
        if let Some(file) = channel {
            sys::check(libc::dup2(file, CHANNEL))?;
            // Where the number is the same, nothing has been duplicated.
            sys::check(libc::fcntl(CHANNEL, libc::F_SETFD, 0))?;
        }
        // After the change of the user the file would be root's.
        prefer_for_oom_killer();
        if let Some(User { uid, gid }) = user {
            // The limit counts all that the user has, so it makes sense for a user of this agent alone.
            limit(libc::RLIMIT_NPROC, PROCESSES)?;
            sys::check(libc::setgroups(0, std::ptr::null()))?;
            sys::check(libc::setresgid(gid, gid, gid))?;
            sys::check(libc::setresuid(uid, uid, uid))?;
        }
        sys::check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
    }
    Ok(())
}

/// Names a limit. Only glibc has a type of its own for it.
#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

/// Lowers a limit; one that is lower already stays.
///
/// # Safety
///
/// Safe in a forked child: it makes system calls only.
unsafe fn limit(resource: Resource, value: libc::rlim_t) -> io::Result<()> {
    // SAFETY: the calls read and write a structure that lives here.
    unsafe {
        let mut limits: libc::rlimit = std::mem::zeroed();
        sys::check(libc::getrlimit(resource, &mut limits))?;
        limits.rlim_max = limits.rlim_max.min(value);
        limits.rlim_cur = limits.rlim_cur.min(limits.rlim_max);
        sys::check(libc::setrlimit(resource, &limits))?;
    }
    Ok(())
}

/// Makes the kernel end this process before any of the guest's own when memory runs out.
///
/// # Safety
///
/// Safe in a forked child: it makes system calls only.
unsafe fn prefer_for_oom_killer() {
    // SAFETY: path and text are constants, the number belongs to nobody else.
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

    #[test]
    fn track_ends_a_process_that_it_cannot_track() {
        let mut command = Command::new("sleep");
        command.arg("600").process_group(0);
        let child = command.spawn().unwrap();
        let number = child.id() as i32;
        let result = Child::track(child, None, |_| Err(io::Error::from(io::ErrorKind::Other)));
        assert!(result.is_err());
        // SAFETY: the call takes numbers only; signal 0 asks whether the process is there.
        assert_eq!(unsafe { libc::kill(number, 0) }, -1);
    }

    #[test]
    fn exit_codes_are_a_shells() {
        assert_eq!(exit_code(0), 0);
        assert_eq!(exit_code(42 << 8), 42);
        assert_eq!(exit_code(libc::SIGKILL), 137);
        // With a core dump.
        assert_eq!(exit_code(libc::SIGSEGV | 0x80), 139);
    }
}
