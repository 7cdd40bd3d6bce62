//! The state of one host.

use std::collections::VecDeque;
use std::time::Instant;

use protocol::lines::Splitter;
use protocol::request::{Exec, InstallPackages};
use protocol::{limits, Error, ErrorType, Response};

use crate::config::Config;
use crate::execution::Execution;
use crate::removal::Removal;
use crate::send_queue::SendQueue;
use crate::transfers::Transfers;
use crate::VERSION;

/// The work of a program.
pub enum Work {
    /// Run code.
    Exec(Exec),
    /// Install packages.
    Install(InstallPackages),
}

impl Work {
    fn action(&self) -> &'static str {
        match self {
            Self::Exec(_) => "exec",
            Self::Install(_) => "install_packages",
        }
    }
}

/// The requests and responses of one host. The agent replaces the whole value when another host connects, so that an earlier
/// host cannot affect a later one.
pub struct HostSession {
    /// The splitter of the host's lines.
    pub splitter: Splitter,
    /// The responses to the host.
    pub queue: SendQueue,
    /// The file transfers.
    pub transfers: Transfers,
    /// Time of the host's `hello`.
    pub hello_at: Option<Instant>,
    executions: Vec<Execution>,
    removals: Vec<(Removal, Instant)>,
    /// Requests without an `op_id` that wait for earlier ones, and their times.
    waiting: VecDeque<(Work, Instant)>,
}

impl Default for HostSession {
    fn default() -> Self {
        Self {
            splitter: Splitter::new(limits::REQUEST),
            queue: SendQueue::default(),
            transfers: Transfers::default(),
            hello_at: None,
            executions: Vec::new(),
            removals: Vec::new(),
            waiting: VecDeque::new(),
        }
    }
}

fn refuse<T>(why: &str) -> Result<T, Error> {
    Err(Error::new(ErrorType::Request, why))
}

impl HostSession {
    /// Returns the session of the next host, with the requests from `since` on, and the programs of this host, which it has
    /// killed.
    ///
    /// The notification of a host may be late. Bytes of an incomplete line may be from either host, and stay.
    pub fn hand_over(self, since: Instant) -> (Self, Vec<Execution>) {
        let begun = |execution: &Execution| execution.received() >= since;
        let (executions, mut ended): (Vec<_>, Vec<_>) =
            self.executions.into_iter().partition(begun);
        ended.iter_mut().for_each(Execution::abandon);
        let mut next = Self {
            splitter: self.splitter,
            queue: self.queue.hand_over(since),
            transfers: self.transfers.hand_over(since),
            hello_at: self.hello_at.filter(|&at| at >= since),
            executions,
            removals: self.removals,
            waiting: self.waiting,
        };
        next.removals.retain(|(_, begun)| *begun >= since);
        next.waiting.retain(|(_, received)| *received >= since);
        (next, ended)
    }

    /// Returns the running programs.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// Returns whether there is work that is possible without waiting.
    pub fn is_busy(&self) -> bool {
        let sends = self.transfers.is_sending() && self.queue.has_room();
        sends || self.transfers.is_decoding() || !self.removals.is_empty()
    }

    /// Returns whether the agent may handle more requests.
    pub fn has_room(&self) -> bool {
        self.queue.has_room() && self.transfers.has_room()
    }

    /// Returns the program of an `op_id`.
    ///
    /// # Errors
    ///
    /// No program has the `op_id`.
    pub fn program(&mut self, op_id: &str) -> Result<&mut Execution, Error> {
        let mut executions = self.executions.iter_mut();
        executions
            .find(|execution| execution.op_id() == Some(op_id))
            .map_or_else(|| refuse("no request with this op_id runs"), Ok)
    }

    /// Checks that no request with an `op_id` runs.
    ///
    /// # Errors
    ///
    /// A request with the `op_id` runs.
    pub fn check_unused(&self, op_id: &str) -> Result<(), Error> {
        let named = |other: Option<&str>| other == Some(op_id);
        let runs = self.executions.iter().any(|other| named(other.op_id()));
        let removes = self.removals.iter().any(|(other, _)| named(other.op_id()));
        if runs || removes || self.transfers.has(op_id) {
            return refuse("a request with this op_id already runs");
        }
        Ok(())
    }

    /// Accepts a request to run a program. With an `op_id` it starts at once, otherwise after earlier ones.
    ///
    /// # Errors
    ///
    /// Too many requests wait, or one with this `op_id` runs. The caller checks the number of running programs.
    pub fn take(&mut self, op_id: Option<&str>, work: Work, config: &Config) -> Result<(), Error> {
        let Some(name) = op_id else {
            if self.waiting.len() >= limits::WAITING {
                return refuse("too many requests wait");
            }
            // The next step starts it, unless another one comes first.
            self.waiting.push_back((work, Instant::now()));
            return Ok(());
        };
        self.check_unused(name)?;
        self.start(op_id, &work, Instant::now(), config);
        Ok(())
    }

    /// Returns the number of programs that run for requests with an `op_id`.
    pub fn count_named(&self) -> usize {
        let executions = self.executions.iter();
        executions.filter(|other| other.op_id().is_some()).count()
    }

    fn start(&mut self, op_id: Option<&str>, work: &Work, received: Instant, config: &Config) {
        let name = op_id.map(str::to_owned);
        let started = match work {
            Work::Exec(exec) => Execution::start(name, exec, received, config),
            Work::Install(install) => Execution::install(name, install, received, config),
        };
        match started {
            Ok(execution) => self.executions.push(execution),
            Err(error) => self.refuse(op_id, Some(work.action()), error),
        }
    }

    /// Adds the deletion of a directory.
    ///
    /// # Errors
    ///
    /// Too many deletions run.
    pub fn add_removal(&mut self, removal: Removal) -> Result<(), Error> {
        if self.removals.len() >= limits::REMOVALS {
            return refuse("too many deletions of directories run");
        }
        self.removals.push((removal, Instant::now()));
        Ok(())
    }

    /// Ends the request with an `op_id`.
    ///
    /// # Errors
    ///
    /// No request with the `op_id` runs.
    pub fn cancel(&mut self, op_id: &str) -> Result<(), Error> {
        let removals = self.removals.len();
        self.removals
            .retain(|(removal, _)| removal.op_id() != Some(op_id));
        if self.removals.len() == removals && !self.transfers.cancel(op_id) {
            self.program(op_id)?.kill();
        }
        Ok(())
    }

    /// Kills all programs.
    pub fn kill_all(&mut self) {
        self.executions.clear();
    }

    /// Responds that a request failed.
    pub fn refuse(&mut self, op_id: Option<&str>, action: Option<&'static str>, error: Error) {
        log!("{error}");
        self.queue
            .push(Response::error(error, action, VERSION).to_line(op_id));
    }

    /// Does all work that is possible without waiting.
    pub fn step(&mut self, now: Instant, buffer: &mut [u8], config: &Config) {
        let queue = &mut self.queue;
        self.executions
            .retain_mut(|execution| !execution.step(now, buffer, queue));
        while self.executions.iter().all(|other| other.op_id().is_some()) {
            let Some((work, received)) = self.waiting.pop_front() else {
                break;
            };
            self.start(None, &work, received, config);
        }
        self.transfers.step(&mut self.queue);
        let mut ended = Vec::new();
        self.removals.retain_mut(|(removal, _)| {
            let Some(result) = removal.step() else {
                return true;
            };
            ended.push((removal.op_id().map(str::to_owned), result));
            false
        });
        for (op_id, result) in ended {
            match result {
                Ok(response) => self.queue.push(response.to_line(op_id.as_deref())),
                Err(error) => self.refuse(op_id.as_deref(), Some("remove"), error),
            }
        }
    }
}
