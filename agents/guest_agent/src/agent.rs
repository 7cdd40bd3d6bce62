//! The loop that waits for everything.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use protocol::lines::{Line, Splitter};
use protocol::request::{self, Exec, Parsed, Request};
use protocol::{limits, Answer, Error, ErrorType};

use crate::entropy::Pool;
use crate::execution::Execution;
use crate::link::Link;
use crate::outbox::Outbox;
use crate::settings::Settings;
use crate::sys::{self, PollFd};
use crate::{reaper, VERSION};

/// Most programs that run at the same time for requests with an `op_id`.
const AT_ONCE: usize = 8;

/// Most requests without an `op_id` that wait for the one before.
const WAITING: usize = 16;

/// How much is read at once.
const BUFFER: usize = 64 << 10;

/// How long before it is told of a new host the agent may have read that host's first request: requests and news take
/// different ways through the kernel. Longer would spare what a host asked for right before it hung up.
const NEWS: Duration = Duration::from_millis(20);

/// Longest wait between two looks for a host.
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// The agent.
///
/// Requests without an `op_id` are executed one after another, because nothing else tells their answers apart; those
/// with one run at the same time. A ping is answered at once.
pub struct Agent {
    settings: Settings,
    pool: Pool,
    splitter: Splitter,
    outbox: Outbox,
    executions: Vec<Execution>,
    /// Requests, and when they came.
    waiting: VecDeque<(Exec, Instant)>,
    buffer: Vec<u8>,
    /// Becomes readable when any child ends; only PID 1 has one.
    children: Option<OwnedFd>,
}

impl Agent {
    /// Makes an agent. With `children`, from [`sys::signal_file`] for `SIGCHLD`, it reaps orphans.
    pub fn new(settings: Settings, children: Option<OwnedFd>) -> Self {
        Self {
            settings,
            pool: Pool::open(),
            splitter: Splitter::new(limits::REQUEST),
            outbox: Outbox::default(),
            executions: Vec::new(),
            waiting: VecDeque::new(),
            buffer: vec![0; BUFFER],
            children,
        }
    }

    /// Serves one host after another.
    ///
    /// # Errors
    ///
    /// Returns only when the link itself fails, which a host that goes away does not cause.
    pub fn run(&mut self, link: &Link) -> io::Result<()> {
        loop {
            self.wait_for_host(link)?;
            self.serve(link)?;
        }
    }

    /// Waits for a host.
    ///
    /// A port without one is always "ready" with a hang-up, so that there is nothing to wait for but time. The files
    /// stay open: closing a port would throw away the first request of a host that has just come.
    fn wait_for_host(&mut self, link: &Link) -> io::Result<()> {
        let mut pause = Duration::from_millis(1);
        while !link.has_host()? {
            self.step();
            let mut entries: Vec<PollFd> = Vec::new();
            self.add_child_entries(&mut entries);
            sys::poll(&mut entries, Some(pause))?;
            pause = (pause * 2).min(LONGEST_LOOK);
        }
        Ok(())
    }

    /// Serves the host that is on the link, until it hangs up; its programs end with it.
    ///
    /// # Errors
    ///
    /// The link failed.
    pub fn serve(&mut self, link: &Link) -> io::Result<()> {
        let mut changes = 0;
        link.count_changes();
        let result = self.serve_until_hang_up(link, &mut changes);
        // A host that is here again may have asked for something already.
        let before = Instant::now() - if changes > 1 { NEWS } else { Duration::ZERO };
        self.forget_host(before);
        result
    }

    /// Ends and forgets what was asked for before a time.
    fn forget_host(&mut self, before: Instant) {
        self.splitter.mark();
        self.outbox.forget(before);
        self.waiting.retain(|(_, since)| *since >= before);
        for execution in &mut self.executions {
            if execution.begun() < before {
                execution.abandon();
            }
        }
    }

    /// Serves until the host hangs up. Counts how many times a host came or went.
    ///
    /// One change may be the coming of this very host, told late. A second one is another host.
    fn serve_until_hang_up(&mut self, link: &Link, changes: &mut usize) -> io::Result<()> {
        loop {
            *changes += link.count_changes();
            if *changes > 1 {
                return Ok(());
            }
            self.step();
            self.outbox.send(link.answers.as_fd()).or_else(gone)?;

            // A host that does not read its answers is not asked for more requests.
            let reads = if self.outbox.has_room() {
                libc::POLLIN
            } else {
                0
            };
            let writes = if self.outbox.is_empty() {
                0
            } else {
                libc::POLLOUT
            };
            let mut entries = vec![
                sys::poll_entry(link.requests.as_fd(), reads),
                sys::poll_entry(link.answers.as_fd(), writes),
            ];
            self.add_child_entries(&mut entries);
            let changes_file = link.changes.iter();
            entries.extend(changes_file.map(|file| sys::poll_entry(file.as_fd(), libc::POLLIN)));
            for execution in &self.executions {
                execution.add_poll_entries(&mut entries, &self.outbox);
            }
            sys::poll(&mut entries, self.time_to_wake())?;

            let hung_up = libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
            if entries[..2]
                .iter()
                .any(|entry| entry.revents & hung_up != 0)
            {
                return Ok(());
            }
            if entries[0].revents & libc::POLLIN != 0 && !self.receive(link)? {
                return Ok(());
            }
        }
    }

    fn add_child_entries(&self, entries: &mut Vec<PollFd>) {
        let children = self.children.iter();
        entries.extend(children.map(|file| sys::poll_entry(file.as_fd(), libc::POLLIN)));
    }

    fn time_to_wake(&self) -> Option<Duration> {
        let next = self.executions.iter().filter_map(Execution::wake_at).min();
        next.map(|time| time.saturating_duration_since(Instant::now()))
    }

    /// Moves everything on as far as it goes.
    fn step(&mut self) {
        let now = Instant::now();
        let (buffer, outbox) = (&mut self.buffer, &mut self.outbox);
        self.executions
            .retain_mut(|execution| !execution.step(now, buffer, outbox));
        if let Some(children) = &self.children {
            sys::count_signals(children.as_fd());
            reaper::reap(|process| {
                let mut executions = self.executions.iter();
                executions.any(|execution| execution.is_process(process))
            });
        }
        while !self.has_unnamed() {
            let Some((exec, _)) = self.waiting.pop_front() else {
                break;
            };
            self.start(None, &exec);
        }
    }

    fn has_unnamed(&self) -> bool {
        let mut executions = self.executions.iter();
        executions.any(|execution| execution.op_id().is_none())
    }

    /// Reads requests. Returns whether the host is still there.
    fn receive(&mut self, link: &Link) -> io::Result<bool> {
        match sys::read(link.requests.as_fd(), &mut self.buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => self.splitter.push(&self.buffer[..count]),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                io::ErrorKind::ConnectionReset => return Ok(false),
                _ => return Err(error),
            },
        }
        while let Some(line) = self.splitter.next_line() {
            match line {
                Line::Whole { bytes, stale } => self.handle(&bytes, stale),
                Line::TooLong => {
                    let message = format!("longer than {} bytes", limits::REQUEST);
                    self.refuse(None, Error::new(ErrorType::Request, message));
                }
            }
        }
        Ok(true)
    }

    fn handle(&mut self, line: &[u8], stale: usize) {
        self.pool.reseed(line);
        let mut parsed = request::parse(line);
        if stale > 0 && parsed.request.is_err() {
            // The line begins with what an earlier host left unfinished.
            parsed = request::parse(&line[stale..]);
        }
        let Parsed { op_id, request } = parsed;
        match request {
            Ok(Request::Ping) => {
                let pong = Answer::Pong { version: VERSION };
                self.outbox.push(pong.to_line(op_id.as_deref()));
            }
            Ok(Request::Exec(exec)) => self.take(op_id, exec),
            Err(error) => self.refuse(op_id.as_deref(), error),
        }
    }

    fn take(&mut self, op_id: Option<String>, exec: Exec) {
        let refusal = match &op_id {
            None if self.waiting.len() >= WAITING => "too many requests wait",
            None => {
                // The next step starts it, if nothing else is to come first.
                self.waiting.push_back((exec, Instant::now()));
                return;
            }
            Some(_) if self.executions.len() >= AT_ONCE => "too many requests run",
            Some(name)
                if self
                    .executions
                    .iter()
                    .any(|other| other.op_id() == Some(name)) =>
            {
                "a request with this op_id runs"
            }
            Some(_) => {
                self.start(op_id, &exec);
                return;
            }
        };
        self.refuse(op_id.as_deref(), Error::new(ErrorType::Request, refusal));
    }

    fn start(&mut self, op_id: Option<String>, exec: &Exec) {
        match Execution::start(op_id.clone(), exec, &self.settings) {
            Ok(execution) => self.executions.push(execution),
            Err(error) => self.refuse(op_id.as_deref(), error),
        }
    }

    fn refuse(&mut self, op_id: Option<&str>, error: Error) {
        log!("{error}");
        let answer = Answer::Error {
            error,
            version: VERSION,
        };
        self.outbox.push(answer.to_line(op_id));
    }
}

/// Makes the error of writing to a host that has gone no error: the hang-up is found by the next poll.
fn gone(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Ok(()),
        _ => Err(error),
    }
}
