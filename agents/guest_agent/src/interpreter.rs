//! The interpreter of a session, which runs one exec after another.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use protocol::{Error, ErrorType, Language};

use crate::channel::{Channel, Token};
use crate::config::Config;
use crate::dialect::{self, Code, Prepared};
use crate::job::{Job, Waiting, Work};
use crate::send_queue::SendQueue;
use crate::spawn::Child;
use crate::sys::{self, PollFd, PollFlags};

/// Most reads of an output in one step, so that endless output does not delay other work.
const READS: usize = 8;

/// A running interpreter, and its current job, if any.
///
/// The agent discards output between two jobs, from threads and background processes: it belongs to no request, and the
/// interpreter must not block on it.
pub struct Interpreter {
    child: Child,
    channel: Channel,
    pipes: [Option<OwnedFd>; 2],
    job: Option<Job>,
    grace: Duration,
    kill_at: Option<Instant>,
    /// Whether it has been killed, and gets no further job.
    is_doomed: bool,
    has_ended: bool,
}

impl Interpreter {
    /// Starts the interpreter of a language.
    ///
    /// # Errors
    ///
    /// The interpreter is missing, or could not be started.
    pub fn start(language: Language, config: &Config) -> Result<Self, Error> {
        let mut command = dialect::command(language, config);
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |error: io::Error| {
            let what = format!("cannot start {program} in {}", config.home.display());
            Error::new(ErrorType::Execution, format!("{what}: {error}"))
        };
        let (channel, theirs) = Channel::pair().map_err(failed)?;
        let mut child =
            Child::start(&mut command, config, None, Some(theirs.as_fd())).map_err(failed)?;
        Ok(Self {
            pipes: [child.stdout.take(), child.stderr.take()],
            child,
            channel,
            job: None,
            grace: config.grace,
            kill_at: None,
            is_doomed: false,
            has_ended: false,
        })
    }

    /// Starts a job. The interpreter must be idle.
    ///
    /// # Errors
    ///
    /// The code could not be prepared.
    pub fn begin(
        &mut self,
        waiting: &Waiting,
        begun: Instant,
        config: &Config,
    ) -> Result<(), Error> {
        // Output so far belongs to no job.
        self.discard(&mut [0; 4096]);
        let nothing = BTreeMap::new();
        let code = match &waiting.work {
            Work::Exec(exec) => Code {
                text: &exec.code,
                variables: &exec.env_vars,
            },
            Work::Warm(_) => Code {
                text: "",
                variables: &nothing,
            },
        };
        let failed = |error: io::Error| {
            Error::new(ErrorType::Io, format!("cannot prepare the code: {error}"))
        };
        let token = Token::new().map_err(failed)?;
        let language = waiting.work.language();
        let Prepared { message, script } =
            dialect::prepare(language, &code, &token, config).map_err(failed)?;
        self.job = Some(Job::new(waiting, begun, token, script));
        self.channel.send(message);
        Ok(())
    }

    /// Returns the current job.
    pub fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// Returns the current job, mutable.
    pub fn job_mut(&mut self) -> Option<&mut Job> {
        self.job.as_mut()
    }

    /// Returns whether it can start a job.
    pub fn is_idle(&self) -> bool {
        self.job.is_none() && !self.is_doomed && !self.has_ended && self.channel.is_open()
    }

    /// Returns whether its process has ended.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns whether a process is this interpreter.
    pub fn is_process(&self, process: i32) -> bool {
        !self.has_ended && self.child.process() == process
    }

    /// Sends a signal to the interpreter and its group.
    pub fn signal(&self, signal: i32) {
        if !self.has_ended {
            self.child.signal(signal);
        }
    }

    /// Kills the interpreter and everything that it started.
    pub fn kill(&mut self) {
        self.kill_at = None;
        self.is_doomed = true;
        if !self.has_ended {
            self.child.kill();
        }
    }

    /// Adds the entries for `poll`.
    pub fn add_poll_entries<'a>(&'a self, entries: &mut Vec<PollFd<'a>>, queue: &SendQueue) {
        if !self.has_ended {
            entries.push(sys::poll_entry(self.child.file(), PollFlags::IN));
            entries.extend(self.channel.poll_entry());
        }
        if self.reads(queue) {
            let files = self.pipes.iter().flatten();
            entries.extend(files.map(|file| sys::poll_entry(file.as_fd(), PollFlags::IN)));
        }
    }

    /// Returns the time of the next timer.
    pub fn wake_at(&self) -> Option<Instant> {
        let job = self.job.as_ref().and_then(Job::wake_at);
        job.into_iter().chain(self.kill_at).min()
    }

    /// Returns whether the agent should read output.
    fn reads(&self, queue: &SendQueue) -> bool {
        queue.has_room() || self.job.as_ref().is_none_or(Job::discards)
    }

    /// Does all work that is possible without waiting. Returns whether the job is over, or whether the interpreter has ended
    /// without a job.
    pub fn step(&mut self, now: Instant, buffer: &mut [u8], queue: &mut SendQueue) -> bool {
        self.channel.write();
        self.read_answer(now);
        if !self.has_ended {
            if let Some(code) = self.child.take_exit_code() {
                self.has_ended = true;
                self.kill_at = None;
                if let Some(job) = &mut self.job {
                    job.end(code as u8, now, &self.pipes);
                }
            } else if !self.channel.is_open() && self.job.is_none() {
                // Code has closed the channel, so the agent can send no further request.
                self.kill();
            }
        }
        self.keep_time(now);
        let Some(job) = &mut self.job else {
            self.discard(buffer);
            return self.has_ended;
        };
        if queue.has_room() || job.discards() {
            read_output(&mut self.pipes, job, now, buffer);
        }
        if !job.send(now, queue) {
            return false;
        }
        if job.timed_out() {
            // SIGTERM has reached the whole group, so the state of the session is undefined.
            self.kill();
        }
        self.job = None;
        true
    }

    fn read_answer(&mut self, now: Instant) {
        let Some(token) = self.job.as_ref().and_then(Job::awaits) else {
            self.channel.read(None);
            return;
        };
        if let Some(code) = self.channel.read(Some(token)) {
            self.kill_at = None;
            if let Some(job) = &mut self.job {
                job.end(code, now, &self.pipes);
            }
        }
    }

    fn keep_time(&mut self, now: Instant) {
        if self.job.as_mut().is_some_and(|job| job.time_out(now)) {
            self.signal(libc::SIGTERM);
            self.kill_at = Some(now + self.grace);
        }
        if self.kill_at.is_some_and(|time| time <= now) {
            self.kill();
        }
    }

    /// Discards output that belongs to no job.
    fn discard(&mut self, buffer: &mut [u8]) {
        for pipe in &mut self.pipes {
            for _ in 0..READS {
                match read_pipe(pipe, buffer) {
                    Read::Bytes(_) => {}
                    Read::Nothing | Read::End => break,
                }
            }
        }
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The result of reading a pipe.
enum Read {
    Bytes(usize),
    Nothing,
    End,
}

fn read_pipe(pipe: &mut Option<OwnedFd>, buffer: &mut [u8]) -> Read {
    let Some(file) = pipe else {
        return Read::End;
    };
    match sys::read(file.as_fd(), buffer) {
        Ok(count @ 1..) => Read::Bytes(count),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Read::Nothing
        }
        _ => {
            *pipe = None;
            Read::End
        }
    }
}

/// Reads the output of a job.
fn read_output(pipes: &mut [Option<OwnedFd>; 2], job: &mut Job, now: Instant, buffer: &mut [u8]) {
    for (index, pipe) in pipes.iter_mut().enumerate() {
        for _ in 0..READS {
            let most = job.room(index).min(buffer.len());
            if most == 0 {
                break;
            }
            match read_pipe(pipe, &mut buffer[..most]) {
                Read::Bytes(count) => job.take(index, &buffer[..count], now),
                Read::Nothing if job.runs() => break,
                // Another process has read from the pipe.
                Read::Nothing | Read::End => {
                    job.take(index, &[], now);
                    break;
                }
            }
        }
    }
}
