//! The execution of one program, from its start to the last response.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use protocol::request::{Exec, InstallPackages, Size};
use protocol::{Error, ErrorType, Response, Stream};

use crate::config::Config;
use crate::input::Input;
use crate::language::{self, Prepared};
use crate::outcome::{self, Times};
use crate::output::Output;
use crate::scratch::Script;
use crate::send_queue::SendQueue;
use crate::spawn::Child;
use crate::sys::{self, PollFd, PollFlags};
use crate::terminal::Terminal;

/// Time to read output after the end of the program, from processes that left its group.
const DRAIN: Duration = Duration::from_millis(200);

/// The request for a program.
struct Request {
    op_id: Option<String>,
    action: &'static str,
    timeout: Option<Duration>,
    received: Instant,
    begun: Instant,
}

/// The end of a program.
struct Exit {
    code: i32,
    at: Instant,
}

/// A source of output, a pipe or a terminal, and the output read from it.
struct Pipe {
    file: Option<OwnedFd>,
    output: Output,
    /// Whether the last read found no data.
    empty: bool,
}

impl Pipe {
    fn new(file: Option<OwnedFd>, output: Output) -> Self {
        Self {
            file,
            output,
            empty: false,
        }
    }
}

/// A program that runs, or whose output is not completely read.
pub struct Execution {
    op_id: Option<String>,
    action: &'static str,
    child: Child,
    terminal: Option<Terminal>,
    pipes: Vec<Pipe>,
    input: Input,
    received: Instant,
    begun: Instant,
    started: Instant,
    timeout: Option<Duration>,
    grace: Duration,
    /// Time to kill it.
    kill_at: Option<Instant>,
    failure: Option<Error>,
    exit: Option<Exit>,
    /// Whether the host has disconnected.
    abandoned: bool,
    #[allow(dead_code)]
    /// Keeps the file with the code until the execution is over.
    script: Option<Script>,
}

impl Execution {
    /// Starts a program.
    ///
    /// # Errors
    ///
    /// The code could not be written, or the interpreter could not be started.
    pub fn start(
        op_id: Option<String>,
        exec: &Exec,
        received: Instant,
        config: &Config,
    ) -> Result<Self, Error> {
        let begun = Instant::now();
        let Prepared {
            mut command,
            script,
        } = language::prepare(exec.language, &exec.code, config).map_err(|error| {
            Error::new(ErrorType::Io, format!("cannot write the code: {error}"))
        })?;
        let mut terminal = None;
        if let Some(size) = &exec.pty {
            command.env("TERM", "xterm-256color");
            let made = Terminal::open(size, config.user).map_err(|error| {
                Error::new(ErrorType::Io, format!("cannot open a terminal: {error}"))
            })?;
            terminal = Some(made);
        } else if exec.stdin {
            command.stdin(Stdio::piped());
        }
        command.envs(&exec.env_vars);
        let mut execution = Self::spawn(
            Request {
                op_id,
                action: "exec",
                timeout: exec.timeout,
                received,
                begun,
            },
            command,
            terminal,
            config,
        )?;
        execution.script = Some(script);
        Ok(execution)
    }

    /// Starts the installation of packages.
    ///
    /// # Errors
    ///
    /// The guest has no installer, or it could not be started.
    pub fn install(
        op_id: Option<String>,
        install: &InstallPackages,
        received: Instant,
        config: &Config,
    ) -> Result<Self, Error> {
        let begun = Instant::now();
        let command = language::prepare_install(install, config)?;
        let request = Request {
            op_id,
            action: "install_packages",
            timeout: install.timeout,
            received,
            begun,
        };
        Self::spawn(request, command, None, config)
    }

    fn spawn(
        request: Request,
        mut command: Command,
        terminal: Option<Terminal>,
        config: &Config,
    ) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |error: io::Error| {
            let what = format!("cannot start {program} in {}", config.home.display());
            Error::new(ErrorType::Execution, format!("{what}: {error}"))
        };
        // Duplicate the terminal's descriptors before spawning. If this failed after the spawn, the child would keep
        // running untracked.
        let ends = match &terminal {
            Some(terminal) => {
                let end = || terminal.ours().map_err(failed);
                Some((end()?, end()?))
            }
            None => None,
        };
        let mut child =
            Child::start(&mut command, config, terminal.as_ref(), None).map_err(failed)?;
        let (pipes, input) = match ends {
            Some((output, input)) => (
                vec![Pipe::new(Some(output), Output::unlimited())],
                Input::typed(input),
            ),
            None => (
                vec![
                    Pipe::new(child.stdout.take(), Output::new(Stream::Stdout)),
                    Pipe::new(child.stderr.take(), Output::new(Stream::Stderr)),
                ],
                Input::new(child.stdin.take()),
            ),
        };
        Ok(Self {
            op_id: request.op_id,
            action: request.action,
            child,
            terminal,
            pipes,
            input,
            received: request.received,
            begun: request.begun,
            started: Instant::now(),
            timeout: request.timeout,
            grace: config.grace,
            kill_at: None,
            failure: None,
            exit: None,
            abandoned: false,
            script: None,
        })
    }

    /// Returns the `op_id` of the request.
    pub fn op_id(&self) -> Option<&str> {
        self.op_id.as_deref()
    }

    /// Returns the time of the request, which may have waited for others.
    pub fn received(&self) -> Instant {
        self.received
    }

    /// Returns whether a process is this program.
    pub fn is_process(&self, process: i32) -> bool {
        self.exit.is_none() && self.child.process() == process
    }

    /// Adds the program's entries for `poll`.
    pub fn add_poll_entries<'a>(&'a self, entries: &mut Vec<PollFd<'a>>, queue: &SendQueue) {
        if self.exit.is_none() {
            entries.push(sys::poll_entry(self.child.file(), PollFlags::IN));
        }
        entries.extend(self.input.poll_entry());
        if queue.has_room() {
            let files = self.pipes.iter().filter_map(|pipe| pipe.file.as_ref());
            entries.extend(files.map(|file| sys::poll_entry(file.as_fd(), PollFlags::IN)));
        }
    }

    /// Returns the time of the next timer.
    pub fn wake_at(&self, queue: &SendQueue) -> Option<Instant> {
        // Without room the agent reads nothing; the host that makes room wakes it.
        let drained_at = self.drained_at().filter(|_| queue.has_room());
        let timers = [self.deadline(), self.kill_at, drained_at];
        let outputs = self.pipes.iter().map(|pipe| pipe.output.due());
        timers.into_iter().chain(outputs).flatten().min()
    }

    /// Adds input for the program. Returns the number of bytes that it has not read yet.
    ///
    /// # Errors
    ///
    /// As for [`Input::push`].
    pub fn add_input(&mut self, data: &[u8], eof: bool) -> Result<usize, Error> {
        self.input.push(data, eof)
    }

    /// Resizes the program's terminal.
    ///
    /// # Errors
    ///
    /// The program has no terminal.
    pub fn resize(&self, size: &Size) -> Result<(), Error> {
        let wrong = |message: String| Error::new(ErrorType::Request, message);
        let terminal = self.terminal.as_ref();
        terminal
            .ok_or_else(|| wrong("the program has no terminal".to_owned()))?
            .resize(size)
            .map_err(|error| wrong(format!("cannot resize the terminal: {error}")))
    }

    /// Sends a signal to the program and its group. Returns false if the program has ended.
    pub fn signal(&self, signal: i32) -> bool {
        if self.exit.is_none() {
            self.child.signal(signal);
        }
        self.exit.is_none()
    }

    /// Kills the program and discards its output, because the host has disconnected.
    pub fn abandon(&mut self) {
        self.abandoned = true;
        self.kill();
        for pipe in &mut self.pipes {
            *pipe = Pipe::new(None, Output::new(pipe.output.stream()));
        }
        self.input = Input::new(None);
        self.terminal = None;
    }

    /// Does all work that is possible without waiting. Returns whether the execution is over. Its last response is then in
    /// the queue.
    pub fn step(&mut self, now: Instant, buffer: &mut [u8], queue: &mut SendQueue) -> bool {
        // Check for the end before reading: then the pipes contain all output of the program.
        if self.exit.is_none() {
            self.exit = self
                .child
                .take_exit_code()
                .map(|code| Exit { code, at: now });
            if let (Some(_), Some(terminal)) = (&self.exit, &mut self.terminal) {
                terminal.close();
            }
        }
        self.keep_time(now);
        self.input.send();
        if queue.has_room() {
            self.read(now, buffer);
        }
        self.send_due(now, queue);
        let over = self.exit.is_some() && self.is_drained(now);
        if over && !self.abandoned {
            self.finish(now, queue);
        }
        over
    }

    fn keep_time(&mut self, now: Instant) {
        if self.exit.is_some() {
            return;
        }
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.failure = Some(outcome::timeout(self.timeout));
            self.child.signal(libc::SIGTERM);
            self.kill_at = Some(now + self.grace);
        }
        if self.kill_at.is_some_and(|time| time <= now) {
            self.kill();
        }
    }

    /// Kills the program and everything that it started.
    pub fn kill(&mut self) {
        self.kill_at = None;
        if self.exit.is_none() {
            self.child.kill();
        }
    }

    fn read(&mut self, now: Instant, buffer: &mut [u8]) {
        for index in 0..self.pipes.len() {
            let pipe = &mut self.pipes[index];
            let Some(file) = &pipe.file else {
                continue;
            };
            match sys::read(file.as_fd(), buffer) {
                Ok(0) => pipe.file = None,
                Ok(count) => {
                    pipe.empty = false;
                    if !pipe.output.push(&buffer[..count], now) {
                        self.exceed(index);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => pipe.empty = true,
                    io::ErrorKind::Interrupted => {}
                    _ => pipe.file = None,
                },
            }
        }
    }

    /// Ends a program that exceeds an output limit. Closing the pipes also ends processes that left its group.
    fn exceed(&mut self, index: usize) {
        let output = &self.pipes[index].output;
        self.failure.get_or_insert_with(|| output.exceeded());
        self.kill();
        for pipe in &mut self.pipes {
            pipe.file = None;
        }
    }

    fn send_due(&mut self, now: Instant, queue: &mut SendQueue) {
        for pipe in &mut self.pipes {
            pipe.output.send_due(now, self.op_id.as_deref(), queue);
        }
    }

    /// Returns whether all output is read, or the time to read it is over.
    fn is_drained(&self, now: Instant) -> bool {
        let late = self.drained_at().is_some_and(|time| time <= now);
        self.pipes
            .iter()
            .all(|pipe| pipe.file.is_none() || (late && pipe.empty))
    }

    fn finish(&mut self, now: Instant, queue: &mut SendQueue) {
        let op_id = self.op_id.as_deref();
        for pipe in &mut self.pipes {
            pipe.output.send_rest(op_id, queue);
        }
        let response = match (self.failure.take(), &self.exit) {
            (None, Some(exit)) => {
                let times = Times {
                    begun: self.begun,
                    started: self.started,
                    ended: exit.at,
                    done: now,
                };
                outcome::complete(exit.code as u64, &times)
            }
            (failure, _) => {
                let error = failure.unwrap_or_else(|| {
                    Error::new(ErrorType::Execution, "the exit code is unknown")
                });
                Response::error(error, Some(self.action), crate::VERSION)
            }
        };
        queue.push(response.to_line(op_id));
    }

    /// Returns the time of the timeout, unless the program has ended or failed.
    fn deadline(&self) -> Option<Instant> {
        let running = self.exit.is_none() && self.failure.is_none() && !self.abandoned;
        self.timeout
            .filter(|_| running)
            .map(|time| self.started + time)
    }

    fn drained_at(&self) -> Option<Instant> {
        self.exit.as_ref().map(|exit| exit.at + DRAIN)
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        self.kill();
    }
}
