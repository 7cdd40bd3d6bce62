//! The loop that waits for everything.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use protocol::lines::Line;
use protocol::{limits, Error, ErrorType};

use crate::boundary::Boundary;
use crate::clock::WallClock;
use crate::entropy::Pool;
use crate::execution::Execution;
use crate::interpreters::Interpreters;
use crate::link::Link;
use crate::preparation::Preparation;
use crate::send_queue::SendQueue;
use crate::session::HostSession;
use crate::settings::Settings;
use crate::sys::{self, PollFd};
use crate::{log, reaper, system};

/// How much is read at once.
const BUFFER: usize = 64 << 10;

/// How long the console has to take the last lines of the log.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Longest wait between two looks for a host.
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// The agent.
///
/// Requests without an `op_id` are executed one after another, because nothing else tells their responses apart; those
/// with one run at the same time. A ping is answered at once.
pub struct Agent {
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    pub(crate) clock: WallClock,
    /// Everything that belongs to the host that is there, or was there last.
    pub(crate) session: HostSession,
    /// The interpreters that stay, whatever host is there.
    pub(crate) interpreters: Interpreters,
    /// Programs of earlier hosts, which have been killed and have not ended yet.
    ended: Vec<Execution>,
    buffer: Vec<u8>,
    /// Whether lines that were read wait for room.
    has_lines: bool,
    pub(crate) boundary: Boundary,
    /// Becomes readable when any child ends; only PID 1 has one.
    pub(crate) children: Option<OwnedFd>,
    /// The boot ledger, until it is told.
    pub(crate) boot: Option<String>,
    /// What user code needs and is not made yet.
    preparation: Preparation,
    /// When the machine is switched off at the latest.
    pub(crate) shutdown_at: Option<Instant>,
}

/// Returns the ledger that tiny-init handed over.
pub(crate) fn ledger() -> Option<String> {
    std::env::var("SANDBOX_BOOT_LEDGER").ok()
}

impl Agent {
    /// Makes an agent. With `children`, from [`sys::signal_file`] for `SIGCHLD`, it is the machine's first process: it
    /// reaps orphans and keeps the clock. `preparation` is made before user code runs or a file is touched, but after the
    /// first response where a host waits for one.
    pub fn new(
        settings: Settings,
        children: Option<OwnedFd>,
        preparation: Option<fn(&mut Settings)>,
    ) -> Self {
        Self {
            settings,
            pool: Pool::open(),
            // The clock of a machine that runs a test is not the agent's.
            clock: children
                .as_ref()
                .map_or_else(WallClock::free, |_| WallClock::open()),
            session: HostSession::default(),
            interpreters: Interpreters::default(),
            ended: Vec::new(),
            buffer: vec![0; BUFFER],
            has_lines: false,
            boundary: Boundary::default(),
            children,
            boot: ledger(),
            preparation: Preparation::new(preparation),
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
            self.prepare();
            self.step();
            log::flush();
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
            self.session.splitter.push(&self.buffer[..count]);
            self.boundary.has_read(Instant::now());
            found = true;
        }
        found
    }

    /// Forgets what was read of a host that has gone, now that another one is there.
    fn forget_leftovers(&mut self) {
        if self.boundary.is_of_another(Instant::now()) {
            self.session.splitter.clear();
        }
    }

    /// Serves the host that is on the link, until it hangs up; its programs end with it.
    ///
    /// # Errors
    ///
    /// The link failed.
    pub fn serve(&mut self, link: &Link) -> io::Result<()> {
        // A host that comes may have restored the guest.
        self.clock.check();
        let mut changes = 0;
        link.count_changes();
        self.session.splitter.resume();
        let result = self.serve_until_hang_up(link, &mut changes);
        let now = Instant::now();
        // A host that is here again may have asked for something already.
        let before = if changes > 1 {
            self.boundary.begin_of_host(now)
        } else {
            now
        };
        self.begin_session(before);
        result
    }

    /// Begins the session of the next host, which came at a time.
    pub(crate) fn begin_session(&mut self, since: Instant) {
        let (session, ended) = std::mem::take(&mut self.session).succeed(since);
        self.session = session;
        self.ended.extend(ended);
        self.interpreters.succeed(since);
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
            self.take_lines();
            self.step();
            self.session
                .queue
                .send(link.answers.as_fd())
                .or_else(gone)?;
            if self
                .preparation
                .due()
                .is_some_and(|due| due <= Instant::now())
            {
                self.prepare();
            }

            // A host that does not read its responses is not asked for more requests.
            let reads = if self.session.has_room() && !self.has_lines {
                libc::POLLIN
            } else {
                0
            };
            let writes = if self.session.queue.is_empty() {
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
            let queue = &self.session.queue;
            for execution in self.session.executions() {
                execution.add_poll_entries(&mut entries, queue);
            }
            let waits_for_nothing = self.has_lines && self.session.has_room();
            let time = if self.session.is_busy() || waits_for_nothing {
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

    /// Adds what tells of interpreters, that a program of an earlier host has ended, or that any child has.
    fn add_child_entries(&self, entries: &mut Vec<PollFd>) {
        let children = self.children.iter();
        entries.extend(children.map(|file| sys::poll_entry(file.as_fd(), libc::POLLIN)));
        let queue = &self.session.queue;
        self.interpreters.add_poll_entries(entries, queue);
        let nothing = SendQueue::default();
        for execution in &self.ended {
            execution.add_poll_entries(entries, &nothing);
        }
    }

    fn time_to_wake(&self) -> Option<Duration> {
        let queue = &self.session.queue;
        let executions = self.session.executions().iter();
        let executions = executions.filter_map(|execution| execution.wake_at(queue));
        let next = executions
            .chain(self.interpreters.wake_at())
            .chain(self.shutdown_at)
            .chain(self.preparation.due())
            .min();
        let time = next.map(|time| time.saturating_duration_since(Instant::now()));
        let log = log::flush().then_some(log::RETRY);
        time.into_iter().chain(log).min()
    }

    /// Prepares the machine for user code, unless that is done.
    pub(crate) fn prepare(&mut self) {
        self.preparation.make(&mut self.settings);
    }

    /// Notes that a host that waits for the machine has its response in the queue.
    pub(crate) fn answered(&mut self) {
        self.preparation.answered(Instant::now());
    }

    /// Moves everything on as far as it goes.
    fn step(&mut self) {
        let now = Instant::now();
        self.session.step(now, &mut self.buffer, &self.settings);
        let queue = &mut self.session.queue;
        self.interpreters
            .step(now, &mut self.buffer, queue, &self.settings);
        let (buffer, mut nothing) = (&mut self.buffer, SendQueue::default());
        self.ended
            .retain_mut(|execution| !execution.step(now, buffer, &mut nothing));
        if let Some(children) = &self.children {
            sys::count_signals(children.as_fd());
            reaper::reap(|process| {
                let executions = self.session.executions().iter();
                let mut executions = executions.chain(&self.ended);
                executions.any(|execution| execution.is_process(process))
                    || self.interpreters.is_process(process)
            });
        }
        if let Some(groups) = &self.settings.groups {
            groups.sweep();
        }
        let over = |time| self.session.queue.is_empty() || time <= now;
        if self.shutdown_at.is_some_and(over) {
            log!("switching off");
            self.session.kill_all();
            self.interpreters.kill_all();
            log::flush_for(LAST_WORDS);
            system::power_off();
            self.shutdown_at = None;
        }
    }

    /// Reads requests. Returns whether the host is still there.
    fn receive(&mut self, link: &Link) -> io::Result<bool> {
        match sys::read(link.requests.as_fd(), &mut self.buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => {
                self.session.splitter.push(&self.buffer[..count]);
                self.boundary.has_read(Instant::now());
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                io::ErrorKind::ConnectionReset => return Ok(false),
                _ => return Err(error),
            },
        }
        Ok(true)
    }

    /// Handles the lines that were read, as long as there is room for responses: a few bytes may ask for megabytes.
    fn take_lines(&mut self) {
        while self.session.has_room() {
            let Some(line) = self.session.splitter.next_line() else {
                self.has_lines = false;
                return;
            };
            match line {
                Line::Whole(bytes) => self.handle(&bytes),
                Line::TooLong => {
                    let message = format!("longer than {} bytes", limits::REQUEST);
                    let error = Error::new(ErrorType::Request, message);
                    // Perhaps a piece of a file.
                    self.session.transfers.fail_all();
                    self.session.refuse(None, None, error);
                }
            }
        }
        self.has_lines = true;
    }
}

/// Makes the error of writing to a host that has gone no error: the hang-up is found by the next poll.
fn gone(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Ok(()),
        _ => Err(error),
    }
}
