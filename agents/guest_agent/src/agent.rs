//! The main loop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use protocol::lines::Line;
use protocol::{limits, Error, ErrorType};

use crate::clock::WallClock;
use crate::config::Config;
use crate::entropy::Pool;
use crate::execution::Execution;
use crate::handover::Handover;
use crate::interpreters::Interpreters;
use crate::ports::Ports;
use crate::preparation::Preparation;
use crate::send_queue::SendQueue;
use crate::session::HostSession;
use crate::sys::{self, PollFd, PollFlags};
use crate::{log, reaper, system};

/// Bytes of one read.
const BUFFER: usize = 64 << 10;

/// Time to write the last lines of the log to the console.
const LOG_TIMEOUT: Duration = Duration::from_millis(500);

/// Time for which the agent looks for the next part of a file without waiting.
///
/// A port hands over one page at a time. Under emulation a processor that waits for each page takes three times as long
/// for a file, because waking it takes longer than all other work on the page.
const SPIN: Duration = Duration::from_millis(1);

/// Longest pause between two checks for a host.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The agent.
///
/// Requests without an `op_id` run one after another, because nothing else distinguishes their responses. Requests with an
/// `op_id` run at the same time. The agent answers a ping at once.
pub struct Agent {
    pub(crate) config: Config,
    pub(crate) pool: Pool,
    pub(crate) clock: WallClock,
    /// The session of the current host, or of the last one.
    pub(crate) session: HostSession,
    /// The interpreters of sessions, which outlive hosts.
    pub(crate) interpreters: Interpreters,
    /// Programs of earlier hosts that have been killed and have yet to end.
    ended: Vec<Execution>,
    buffer: Vec<u8>,
    /// Whether complete lines wait for room.
    has_lines: bool,
    pub(crate) handover: Handover,
    /// Becomes readable when a child ends; only for PID 1.
    pub(crate) children: Option<OwnedFd>,
    /// The boot ledger, until the agent has sent it.
    pub(crate) boot: Option<String>,
    /// Work that user code needs, until it is done.
    preparation: Preparation,
    /// The latest time to switch the machine off.
    pub(crate) shutdown_at: Option<Instant>,
}

/// Returns the ledger from tiny-init.
pub(crate) fn ledger() -> Option<String> {
    std::env::var("SANDBOX_BOOT_LEDGER").ok()
}

impl Agent {
    /// Creates an agent. With `children`, from [`sys::signal_file`] for `SIGCHLD`, it is PID 1: it reaps orphans and, after
    /// `preparation`, sets the clock. It does `preparation` before it runs user code or opens a file, but after the first
    /// response if a host waits for one.
    pub fn new(config: Config, children: Option<OwnedFd>, preparation: Preparation) -> Self {
        Self {
            config,
            pool: Pool::open(),
            clock: WallClock::free(),
            session: HostSession::default(),
            interpreters: Interpreters::default(),
            ended: Vec::new(),
            buffer: vec![0; BUFFER],
            has_lines: false,
            handover: Handover::default(),
            children,
            boot: ledger(),
            preparation,
            shutdown_at: None,
        }
    }

    /// Serves one host after another.
    ///
    /// # Errors
    ///
    /// The ports failed. A host that disconnects is not an error.
    pub fn run(&mut self, ports: &Ports) -> io::Result<()> {
        loop {
            self.wait_for_host(ports)?;
            self.serve(ports)?;
        }
    }

    /// Waits for a host.
    ///
    /// A port without a host is always ready, with a hang-up, so polling is the only way. The files stay open: closing a
    /// port would discard the first request of a host that has just connected.
    fn wait_for_host(&mut self, ports: &Ports) -> io::Result<()> {
        const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
        let mut pause = SHORTEST_PAUSE;
        let mut hung_up = false;
        while !ports.has_host()? {
            // The ports hang up one after the other, and may still contain data.
            let was_hung_up = std::mem::replace(&mut hung_up, ports.requests_hung_up()?);
            if hung_up && self.take_leftovers(ports) {
                pause = SHORTEST_PAUSE;
            } else if was_hung_up && !hung_up {
                self.discard_leftovers();
            }
            self.prepare();
            self.step();
            log::flush();
            let mut entries: Vec<PollFd> = Vec::new();
            self.add_child_entries(&mut entries);
            sys::poll(&mut entries, Some(pause))?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if hung_up {
            self.discard_leftovers();
        }
        Ok(())
    }

    /// Reads leftover data of a host that disconnected: otherwise the first line of the next host would begin with it.
    /// Returns whether there was any.
    fn take_leftovers(&mut self, ports: &Ports) -> bool {
        let mut found = false;
        while let Ok(count @ 1..) = sys::read(ports.requests.as_fd(), &mut self.buffer) {
            self.session.splitter.push(&self.buffer[..count]);
            self.handover.note_read(Instant::now());
            found = true;
        }
        found
    }

    /// Discards leftover data when another host has connected.
    fn discard_leftovers(&mut self) {
        if self.handover.is_of_earlier_host(Instant::now()) {
            self.session.splitter.clear();
        }
    }

    /// Serves the connected host until it disconnects. Its programs end with it.
    ///
    /// # Errors
    ///
    /// The ports failed.
    pub fn serve(&mut self, ports: &Ports) -> io::Result<()> {
        // The host may have restored the guest.
        self.clock.check();
        let mut changes = 0;
        ports.count_changes();
        self.session.splitter.resume();
        let result = self.serve_until_hang_up(ports, &mut changes);
        let now = Instant::now();
        // The next host may already have sent requests.
        let before = if changes > 1 {
            self.handover.start_of_host(now)
        } else {
            now
        };
        self.begin_session(before);
        result
    }

    /// Begins the session of the next host. Requests from `since` on belong to it.
    pub(crate) fn begin_session(&mut self, since: Instant) {
        let (session, ended) = std::mem::take(&mut self.session).hand_over(since);
        self.session = session;
        self.ended.extend(ended);
        self.interpreters.hand_over(since);
    }

    /// Serves until the host disconnects. Adds the number of connects and disconnects to `changes`.
    ///
    /// The first change may be a late notification about this very host. A second one means that another host connected.
    fn serve_until_hang_up(&mut self, ports: &Ports, changes: &mut usize) -> io::Result<()> {
        loop {
            *changes += ports.count_changes();
            if *changes > 1 {
                return Ok(());
            }
            self.take_lines();
            self.step();
            self.session
                .queue
                .send(ports.responses.as_fd())
                .or_else(ignore_disconnect)?;
            if self
                .preparation
                .due()
                .is_some_and(|due| due <= Instant::now())
            {
                self.prepare();
            }

            // Read no further requests while the host does not read its responses.
            let reads = if self.session.has_room() && !self.has_lines {
                PollFlags::IN
            } else {
                PollFlags::empty()
            };
            let writes = if self.session.queue.is_empty() {
                PollFlags::empty()
            } else {
                PollFlags::OUT
            };
            let mut entries = vec![
                sys::poll_entry(ports.requests.as_fd(), reads),
                sys::poll_entry(ports.responses.as_fd(), writes),
            ];
            self.add_child_entries(&mut entries);
            let changes_file = ports.changes.iter();
            entries.extend(changes_file.map(|file| sys::poll_entry(file.as_fd(), PollFlags::IN)));
            let queue = &self.session.queue;
            for execution in self.session.executions() {
                execution.add_poll_entries(&mut entries, queue);
            }
            let waits_for_nothing = self.has_lines && self.session.has_room();
            let spins = self.session.transfers.is_receiving()
                && self
                    .handover
                    .last_read()
                    .is_some_and(|at| at.elapsed() < SPIN);
            let time = if self.session.is_busy() || waits_for_nothing || spins {
                Some(Duration::ZERO)
            } else {
                self.time_to_wake()
            };
            sys::poll(&mut entries, time)?;

            let (requests, responses) = (entries[0].revents(), entries[1].revents());
            let hung_up = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
            if (requests | responses).intersects(hung_up) {
                return Ok(());
            }
            if requests.contains(PollFlags::IN) && !self.receive(ports, changes)? {
                return Ok(());
            }
        }
    }

    /// Adds the files of children, of interpreters, and of programs of earlier hosts.
    fn add_child_entries<'a>(&'a self, entries: &mut Vec<PollFd<'a>>) {
        let children = self.children.iter();
        entries.extend(children.map(|file| sys::poll_entry(file.as_fd(), PollFlags::IN)));
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
        // In tests the agent must not set the clock of the machine.
        if self.preparation.run(&mut self.config) && self.children.is_some() {
            self.clock = WallClock::open();
        }
    }

    /// Prepares for a request: for user code, and for a restore since the last request.
    ///
    /// A host that only asks whether the machine is up gets its response first. Until then no user code has run, so that
    /// neither random numbers nor the clock matter.
    pub(crate) fn prepare_for(&mut self, line: &[u8], asks_only: bool) {
        if asks_only && self.preparation.is_pending() {
            self.preparation.answered(Instant::now());
            return;
        }
        self.prepare();
        self.pool.reseed(line);
    }

    /// Does all work that is possible without waiting.
    fn step(&mut self) {
        let now = Instant::now();
        self.session.step(now, &mut self.buffer, &self.config);
        let queue = &mut self.session.queue;
        self.interpreters
            .step(now, &mut self.buffer, queue, &self.config);
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
        if let Some(groups) = &self.config.groups {
            groups.sweep();
        }
        let over = |time| self.session.queue.is_empty() || time <= now;
        if self.shutdown_at.is_some_and(over) {
            log!("switching off");
            self.session.kill_all();
            self.interpreters.kill_all();
            log::flush_for(LOG_TIMEOUT);
            system::power_off();
            self.shutdown_at = None;
        }
    }

    /// Reads requests, and adds connects and disconnects to `changes`. Returns whether the host is still connected.
    ///
    /// The kernel returns at most one of the port's buffers, a page, so one read is not all that waits. A notification ends
    /// the reads: what follows may be from the next host.
    fn receive(&mut self, ports: &Ports, changes: &mut usize) -> io::Result<bool> {
        let mut length = 0;
        let mut connected = true;
        while length < self.buffer.len() {
            match sys::read(ports.requests.as_fd(), &mut self.buffer[length..]) {
                Ok(0) => connected = false,
                Ok(count) => {
                    length += count;
                    let new = ports.count_changes();
                    *changes += new;
                    if new == 0 {
                        continue;
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                    io::ErrorKind::ConnectionReset => connected = false,
                    _ => return Err(error),
                },
            }
            break;
        }
        if length > 0 {
            self.session.splitter.push(&self.buffer[..length]);
            self.handover.note_read(Instant::now());
        }
        // The next poll finds the end of a host whose last requests have just come.
        Ok(connected || length > 0)
    }

    /// Handles complete lines while there is room for responses: a few bytes may request megabytes.
    fn take_lines(&mut self) {
        while self.session.has_room() {
            let Some(line) = self.session.splitter.next_line() else {
                self.has_lines = false;
                return;
            };
            match line {
                Line::Whole(bytes) => {
                    self.handle(&bytes);
                    self.session.splitter.recycle(bytes);
                }
                Line::TooLong => {
                    let message = format!("the line is longer than {} bytes", limits::REQUEST);
                    let error = Error::new(ErrorType::Request, message);
                    // The line may have been a chunk of a file.
                    self.session.transfers.fail_all();
                    self.session.refuse(None, None, error);
                }
            }
        }
        self.has_lines = true;
    }
}

/// Ignores the error of writing to a host that has disconnected: the next poll finds the hang-up.
fn ignore_disconnect(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Ok(()),
        _ => Err(error),
    }
}
