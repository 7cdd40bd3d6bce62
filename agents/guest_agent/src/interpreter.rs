//! An interpreter that stays, and runs one piece of code after the other.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use protocol::{Error, ErrorType, Language};

use crate::channel::{Channel, Token};
use crate::dialect::{self, Code, Prepared};
use crate::job::{Job, Waiting, Work};
use crate::send_queue::SendQueue;
use crate::settings::Settings;
use crate::spawn::Child;
use crate::sys::{self, PollFd};

/// Most reads of an output in one step, so that a program that prints without end does not hold others up.
const READS: usize = 8;

/// A running interpreter, and the job that it does if it does one.
///
/// What it prints between two jobs, from threads and background processes, is read and thrown away: nobody asked for it,
/// and a program must not wait for a host to read.
pub struct Interpreter {
    child: Child,
    channel: Channel,
    pipes: [Option<OwnedFd>; 2],
    job: Option<Job>,
    grace: Duration,
    kill_at: Option<Instant>,
    /// Whether it has been killed, so that it gets no further job.
    is_doomed: bool,
    has_ended: bool,
}

impl Interpreter {
    /// Starts the interpreter of a language.
    ///
    /// # Errors
    ///
    /// It is not there, or could not be started.
    pub fn start(language: Language, settings: &Settings) -> Result<Self, Error> {
        let mut command = dialect::command(language, settings);
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |error: io::Error| {
            let what = format!("cannot start {program} in {}", settings.home.display());
            Error::new(ErrorType::Execution, format!("{what}: {error}"))
        };
        let (channel, theirs) = Channel::pair().map_err(failed)?;
        let mut child =
            Child::start(&mut command, settings, None, Some(theirs.as_fd())).map_err(failed)?;
        Ok(Self {
            pipes: [child.stdout.take(), child.stderr.take()],
            child,
            channel,
            job: None,
            grace: settings.grace,
            kill_at: None,
            is_doomed: false,
            has_ended: false,
        })
    }

    /// Gives it a job. It has none.
    ///
    /// # Errors
    ///
    /// The code could not be prepared.
    pub fn begin(
        &mut self,
        waiting: &Waiting,
        begun: Instant,
        settings: &Settings,
    ) -> Result<(), Error> {
        // What was printed meanwhile is of no job.
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
        let Prepared { line, script } =
            dialect::prepare(language, &code, &token, settings).map_err(failed)?;
        self.job = Some(Job::new(waiting, begun, token, script));
        self.channel.send(line);
        Ok(())
    }

    /// Returns the job that it does.
    pub fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// Returns the job that it does, to change it.
    pub fn job_mut(&mut self) -> Option<&mut Job> {
        self.job.as_mut()
    }

    /// Returns whether it can be given a job.
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

    /// Sends a signal to it and its group.
    pub fn signal(&self, signal: i32) {
        if !self.has_ended {
            self.child.signal(signal);
        }
    }

    /// Ends it and all that it started.
    pub fn kill(&mut self) {
        self.kill_at = None;
        self.is_doomed = true;
        if !self.has_ended {
            self.child.kill();
        }
    }

    /// Adds what it is waited for with.
    pub fn add_poll_entries(&self, entries: &mut Vec<PollFd>, queue: &SendQueue) {
        if !self.has_ended {
            entries.push(sys::poll_entry(self.child.file(), libc::POLLIN));
            entries.extend(self.channel.poll_entry());
        }
        if self.reads(queue) {
            let files = self.pipes.iter().flatten();
            entries.extend(files.map(|file| sys::poll_entry(file.as_fd(), libc::POLLIN)));
        }
    }

    /// Returns when there is something to do though nothing happens.
    pub fn wake_at(&self) -> Option<Instant> {
        let job = self.job.as_ref().and_then(Job::wake_at);
        job.into_iter().chain(self.kill_at).min()
    }

    /// Returns whether what it prints is to be read.
    fn reads(&self, queue: &SendQueue) -> bool {
        queue.has_room() || self.job.as_ref().is_none_or(Job::discards)
    }

    /// Does what there is to do. Returns whether its job is over, or it has ended without one.
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
                // Code has closed it, so that nothing can be asked any more.
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
            // SIGTERM has reached everything in its group: what is left of the session is not what the host knows.
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

    /// Reads what is of no job.
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

/// What a read of a pipe gave.
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

/// Reads what a job has printed.
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
                // Somebody else has read from the pipe what was in it.
                Read::Nothing | Read::End => {
                    job.take(index, &[], now);
                    break;
                }
            }
        }
    }
}
