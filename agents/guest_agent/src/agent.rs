//! The loop that waits for everything.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::lines::{Line, Splitter};
use protocol::request::{self, Exec, Install, Parsed, Request};
use protocol::{limits, Answer, Error, ErrorType, HomePath};

use crate::boundary::Boundary;
use crate::entropy::Pool;
use crate::execution::Execution;
use crate::home::AsUser;
use crate::link::Link;
use crate::outbox::Outbox;
use crate::settings::Settings;
use crate::sys::{self, PollFd};
use crate::transfers::Transfers;
use crate::{home, metrics, reaper, system, VERSION};

/// Most programs that run at the same time for requests with an `op_id`.
const AT_ONCE: usize = 8;

/// Most requests without an `op_id` that wait for the one before.
const WAITING: usize = 16;

/// How much is read at once.
const BUFFER: usize = 64 << 10;

/// Longest wait between two looks for a host.
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// How long a host has to take the answer to its request to switch the machine off.
const FAREWELL: Duration = Duration::from_millis(100);

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
    transfers: Transfers,
    /// Requests, and when they came.
    waiting: VecDeque<(Work, Instant)>,
    buffer: Vec<u8>,
    boundary: Boundary,
    /// Becomes readable when any child ends; only PID 1 has one.
    children: Option<OwnedFd>,
    /// The boot ledger, until it is told.
    boot: Option<String>,
    /// When the machine is switched off at the latest.
    shutdown_at: Option<Instant>,
}

/// What a program is started for.
enum Work {
    Exec(Exec),
    Install(Install),
}

/// Returns the ledger that tiny-init handed over.
fn ledger() -> Option<String> {
    std::env::var("SANDBOX_BOOT_LEDGER").ok()
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
            transfers: Transfers::default(),
            waiting: VecDeque::new(),
            buffer: vec![0; BUFFER],
            boundary: Boundary::default(),
            children,
            boot: ledger(),
            shutdown_at: None,
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
        const SHORTEST_LOOK: Duration = Duration::from_millis(1);
        let mut pause = SHORTEST_LOOK;
        let mut hung_up = false;
        while !link.has_host()? {
            // The two ports hang up one after the other, each with what was sent before in it.
            let was_hung_up = std::mem::replace(&mut hung_up, link.requests_hung_up()?);
            if hung_up && self.take_leftovers(link) {
                pause = SHORTEST_LOOK;
            } else if was_hung_up && !hung_up {
                self.forget_leftovers();
            }
            self.step();
            let mut entries: Vec<PollFd> = Vec::new();
            self.add_child_entries(&mut entries);
            sys::poll(&mut entries, Some(pause))?;
            pause = (pause * 2).min(LONGEST_LOOK);
        }
        if hung_up {
            self.forget_leftovers();
        }
        Ok(())
    }

    /// Reads what is left in the port of a host that has gone: otherwise the next host's first line begins with it.
    /// Returns whether there was something.
    fn take_leftovers(&mut self, link: &Link) -> bool {
        let mut found = false;
        while let Ok(count @ 1..) = sys::read(link.requests.as_fd(), &mut self.buffer) {
            self.splitter.push(&self.buffer[..count]);
            self.boundary.has_read(Instant::now());
            found = true;
        }
        found
    }

    /// Forgets what was read of a host that has gone, now that another one is there.
    fn forget_leftovers(&mut self) {
        if self.boundary.is_of_another(Instant::now()) {
            self.splitter.clear();
        }
    }

    /// Serves the host that is on the link, until it hangs up; its programs end with it.
    ///
    /// # Errors
    ///
    /// The link failed.
    pub fn serve(&mut self, link: &Link) -> io::Result<()> {
        let mut changes = 0;
        link.count_changes();
        self.splitter.resume();
        self.take_lines();
        let result = self.serve_until_hang_up(link, &mut changes);
        let now = Instant::now();
        // A host that is here again may have asked for something already.
        let before = if changes > 1 {
            self.boundary.begin_of_host(now)
        } else {
            now
        };
        self.forget_host(before);
        result
    }

    /// Ends and forgets what was asked for before a time.
    fn forget_host(&mut self, before: Instant) {
        self.outbox.forget(before);
        self.transfers.forget(before);
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
            let sends = self.transfers.is_sending() && self.outbox.has_room();
            let time = if sends {
                Some(Duration::ZERO)
            } else {
                self.time_to_wake()
            };
            sys::poll(&mut entries, time)?;

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
        let executions = self.executions.iter();
        let executions = executions.filter_map(|execution| execution.wake_at(&self.outbox));
        let next = executions.chain(self.shutdown_at).min();
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
        if let Some(groups) = &self.settings.groups {
            groups.sweep();
        }
        while !self.has_unnamed() {
            let Some((work, _)) = self.waiting.pop_front() else {
                break;
            };
            self.start(None, &work);
        }
        self.transfers.step(&mut self.outbox);
        let over = |time| self.outbox.is_empty() || time <= now;
        if self.shutdown_at.is_some_and(over) {
            log!("switching off");
            self.executions.clear();
            system::power_off();
            self.shutdown_at = None;
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
            Ok(count) => {
                self.splitter.push(&self.buffer[..count]);
                self.boundary.has_read(Instant::now());
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                io::ErrorKind::ConnectionReset => return Ok(false),
                _ => return Err(error),
            },
        }
        self.take_lines();
        Ok(true)
    }

    /// Handles the lines that were read.
    fn take_lines(&mut self) {
        while let Some(line) = self.splitter.next_line() {
            match line {
                Line::Whole(bytes) => self.handle(&bytes),
                Line::TooLong => {
                    let message = format!("longer than {} bytes", limits::REQUEST);
                    self.refuse(None, Error::new(ErrorType::Request, message));
                }
            }
        }
    }

    fn handle(&mut self, line: &[u8]) {
        self.pool.reseed(line);
        let Parsed { op_id, request } = request::parse(line);
        match request.and_then(|request| self.answer(op_id.as_deref(), request)) {
            Ok(Some(answer)) => self.outbox.push(answer.to_line(op_id.as_deref())),
            Ok(None) => {}
            Err(error) => self.refuse(op_id.as_deref(), error),
        }
    }

    /// Does what is asked for, and returns the answer if it is there at once.
    fn answer(&mut self, op_id: Option<&str>, request: Request) -> Result<Option<Answer>, Error> {
        // Requests that need one have one.
        let name = op_id.unwrap_or_default();
        match request {
            Request::Ping => Ok(Some(Answer::Pong {
                version: VERSION,
                boot: self.boot.take(),
            })),
            Request::Hello { protocol } => {
                self.boot = None;
                self.boundary.has_greeted(Instant::now());
                Ok(Some(Answer::Hello {
                    protocol: protocol.min(protocol::PROTOCOL),
                    version: VERSION,
                    boot: ledger().unwrap_or_default(),
                }))
            }
            Request::Exec(exec) => self.take(op_id, Work::Exec(exec)).map(|()| None),
            Request::Install(install) => self.take(op_id, Work::Install(install)).map(|()| None),
            Request::Stdin { data, eof } => {
                let waiting = self.running(name)?.add_input(&data, eof);
                let waiting = waiting.ok_or_else(|| {
                    Error::new(ErrorType::Io, "the program takes no more input now")
                })?;
                Ok(Some(Answer::StdinAck { waiting }))
            }
            Request::Signal { signal } => {
                if !self.running(name)?.signal(signal) {
                    return Err(Error::new(ErrorType::Request, "the program has ended"));
                }
                Ok(Some(Answer::Ack { action: "signal" }))
            }
            Request::Resize(size) => {
                self.running(name)?.resize(size)?;
                Ok(Some(Answer::Ack { action: "resize" }))
            }
            Request::Cancel => {
                if !self.transfers.cancel(name) {
                    self.running(name)?.kill();
                }
                Ok(Some(Answer::Ack { action: "cancel" }))
            }
            Request::Clock { unix_ns } => {
                if let Some(time) = unix_ns {
                    system::set_clock(time).map_err(|error| {
                        Error::new(ErrorType::Io, format!("cannot set the clock: {error}"))
                    })?;
                }
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let unix_ns = u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
                Ok(Some(Answer::Clock { unix_ns }))
            }
            Request::Reseed { data } => Ok(Some(Answer::Reseed {
                reseeded: self.pool.reseed(&data),
                bytes: data.len(),
            })),
            Request::Metrics => Ok(Some(Answer::Metrics {
                values: metrics::values(&self.settings.home),
            })),
            Request::Shutdown if self.children.is_none() => Err(Error::new(
                ErrorType::Request,
                "this agent is not the machine's first process",
            )),
            Request::Shutdown => {
                self.shutdown_at = Some(Instant::now() + FAREWELL);
                Ok(Some(Answer::Ack { action: "shutdown" }))
            }
            Request::WriteFile { path, executable } => {
                self.check_unused(name)?;
                let transfers = &mut self.transfers;
                transfers.begin_write(name, path, executable, &self.settings)?;
                Ok(None)
            }
            Request::FileChunk { data } => self.transfers.add(name, &data).map(|()| None),
            Request::FileEnd => self.transfers.end(name),
            Request::ReadFile { path } => {
                self.check_unused(name)?;
                self.transfers.begin_read(name, path, &self.settings)?;
                Ok(None)
            }
            Request::ListFiles { path } => self.in_home(&path, home::list),
            Request::Stat { path } => self.in_home(&path, home::stat),
            Request::MakeFolder { path } => self.in_home(&path, home::mkdir),
            Request::Remove { path, recursive } => {
                self.in_home(&path, |home, path| home::remove(home, path, recursive))
            }
            Request::Move { path, to } => {
                self.in_home(&path, |home, path| home::rename(home, path, &to))
            }
        }
    }

    fn check_unused(&self, op_id: &str) -> Result<(), Error> {
        let mut executions = self.executions.iter();
        if self.transfers.has(op_id) || executions.any(|other| other.op_id() == Some(op_id)) {
            let message = "a request with this op_id runs";
            return Err(Error::new(ErrorType::Request, message));
        }
        Ok(())
    }

    fn in_home(
        &self,
        path: &HomePath,
        work: impl FnOnce(&Path, &HomePath) -> io::Result<Answer>,
    ) -> Result<Option<Answer>, Error> {
        let _user = AsUser::new(&self.settings);
        work(&self.settings.home, path)
            .map(Some)
            .map_err(|error| home::failed(path, &error))
    }

    /// Returns the program of an `op_id`.
    fn running(&mut self, op_id: &str) -> Result<&mut Execution, Error> {
        let mut executions = self.executions.iter_mut();
        executions
            .find(|execution| execution.op_id() == Some(op_id))
            .ok_or_else(|| Error::new(ErrorType::Request, "nothing with this op_id runs"))
    }

    fn take(&mut self, op_id: Option<&str>, work: Work) -> Result<(), Error> {
        let refuse = |why| Err(Error::new(ErrorType::Request, why));
        match op_id {
            None if self.waiting.len() >= WAITING => refuse("too many requests wait"),
            None => {
                // The next step starts it, if nothing else is to come first.
                self.waiting.push_back((work, Instant::now()));
                Ok(())
            }
            Some(_) if self.executions.len() >= AT_ONCE => refuse("too many requests run"),
            Some(name) => {
                self.check_unused(name)?;
                self.start(op_id, &work);
                Ok(())
            }
        }
    }

    fn start(&mut self, op_id: Option<&str>, work: &Work) {
        let name = op_id.map(str::to_owned);
        let started = match work {
            Work::Exec(exec) => Execution::start(name, exec, &self.settings),
            Work::Install(install) => Execution::install(name, install, &self.settings),
        };
        match started {
            Ok(execution) => self.executions.push(execution),
            Err(error) => self.refuse(op_id, error),
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
