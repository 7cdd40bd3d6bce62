//! Everything that belongs to one host.

use std::collections::VecDeque;
use std::time::Instant;

use protocol::lines::Splitter;
use protocol::request::{Exec, InstallPackages};
use protocol::{limits, Error, ErrorType, Response};

use crate::execution::Execution;
use crate::removal::Removal;
use crate::send_queue::SendQueue;
use crate::settings::Settings;
use crate::transfers::Transfers;
use crate::VERSION;

/// What a program is started for.
pub enum Work {
    /// Code.
    Exec(Exec),
    /// Packages.
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

/// The requests of one host, on their way in and out. It is replaced whole when another host comes, so that nothing of an
/// earlier host stands in a later one's way.
pub struct HostSession {
    /// The lines of the host.
    pub splitter: Splitter,
    /// The responses to the host.
    pub queue: SendQueue,
    /// The files on their way.
    pub transfers: Transfers,
    /// When the host said hello.
    pub greeted_at: Option<Instant>,
    executions: Vec<Execution>,
    removals: Vec<(Removal, Instant)>,
    /// Requests without an `op_id` that wait for the one before, and when they came.
    waiting: VecDeque<(Work, Instant)>,
}

impl Default for HostSession {
    fn default() -> Self {
        Self {
            splitter: Splitter::new(limits::REQUEST),
            queue: SendQueue::default(),
            transfers: Transfers::default(),
            greeted_at: None,
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
    /// Returns the session of the next host, with what came since that host did, and the programs of this one, which are
    /// on their end.
    ///
    /// The agent may hear of a host late. Bytes that are not a whole line yet may be either host's, and stay.
    pub fn succeed(self, since: Instant) -> (Self, Vec<Execution>) {
        let begun = |execution: &Execution| execution.came() >= since;
        let (executions, mut ended): (Vec<_>, Vec<_>) =
            self.executions.into_iter().partition(begun);
        ended.iter_mut().for_each(Execution::abandon);
        let mut next = Self {
            splitter: self.splitter,
            queue: self.queue.succeed(since),
            transfers: self.transfers.succeed(since),
            greeted_at: self.greeted_at.filter(|&at| at >= since),
            executions,
            removals: self.removals,
            waiting: self.waiting,
        };
        next.removals.retain(|(_, begun)| *begun >= since);
        next.waiting.retain(|(_, came)| *came >= since);
        (next, ended)
    }

    /// Returns the programs that run.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// Returns whether something can be done at once, without waiting for anything.
    pub fn is_busy(&self) -> bool {
        let sends = self.transfers.is_sending() && self.queue.has_room();
        sends || self.transfers.is_decoding() || !self.removals.is_empty()
    }

    /// Returns whether more requests should be taken.
    pub fn has_room(&self) -> bool {
        self.queue.has_room() && self.transfers.has_room()
    }

    /// Returns the program of an `op_id`.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn program(&mut self, op_id: &str) -> Result<&mut Execution, Error> {
        let mut executions = self.executions.iter_mut();
        executions
            .find(|execution| execution.op_id() == Some(op_id))
            .map_or_else(|| refuse("nothing with this op_id runs"), Ok)
    }

    /// Checks that no request with an `op_id` is on its way.
    ///
    /// # Errors
    ///
    /// There is one.
    pub fn check_unused(&self, op_id: &str) -> Result<(), Error> {
        let named = |other: Option<&str>| other == Some(op_id);
        let runs = self.executions.iter().any(|other| named(other.op_id()));
        let removes = self.removals.iter().any(|(other, _)| named(other.op_id()));
        if runs || removes || self.transfers.has(op_id) {
            return refuse("a request with this op_id runs");
        }
        Ok(())
    }

    /// Takes a request to run something: at once if it has an `op_id`, otherwise after those before it.
    ///
    /// # Errors
    ///
    /// Too many wait, or one has this `op_id`. The agent has checked how many run, those in interpreters too.
    pub fn take(
        &mut self,
        op_id: Option<&str>,
        work: Work,
        settings: &Settings,
    ) -> Result<(), Error> {
        let Some(name) = op_id else {
            if self.waiting.len() >= limits::WAITING {
                return refuse("too many requests wait");
            }
            // The next step starts it, if nothing else is to come first.
            self.waiting.push_back((work, Instant::now()));
            return Ok(());
        };
        self.check_unused(name)?;
        self.start(op_id, &work, Instant::now(), settings);
        Ok(())
    }

    /// Returns how many programs run for requests with an `op_id`.
    pub fn count_named(&self) -> usize {
        let executions = self.executions.iter();
        executions.filter(|other| other.op_id().is_some()).count()
    }

    fn start(&mut self, op_id: Option<&str>, work: &Work, came: Instant, settings: &Settings) {
        let name = op_id.map(str::to_owned);
        let started = match work {
            Work::Exec(exec) => Execution::start(name, exec, came, settings),
            Work::Install(install) => Execution::install(name, install, came, settings),
        };
        match started {
            Ok(execution) => self.executions.push(execution),
            Err(error) => self.refuse(op_id, Some(work.action()), error),
        }
    }

    /// Takes a directory that is being deleted.
    ///
    /// # Errors
    ///
    /// Too many are.
    pub fn add_removal(&mut self, removal: Removal) -> Result<(), Error> {
        if self.removals.len() >= limits::REMOVALS {
            return refuse("too many directories are deleted");
        }
        self.removals.push((removal, Instant::now()));
        Ok(())
    }

    /// Ends what has an `op_id`.
    ///
    /// # Errors
    ///
    /// Nothing has it.
    pub fn cancel(&mut self, op_id: &str) -> Result<(), Error> {
        let removals = self.removals.len();
        self.removals
            .retain(|(removal, _)| removal.op_id() != Some(op_id));
        if self.removals.len() == removals && !self.transfers.cancel(op_id) {
            self.program(op_id)?.kill();
        }
        Ok(())
    }

    /// Ends all programs.
    pub fn kill_all(&mut self) {
        self.executions.clear();
    }

    /// Responds that a request failed.
    pub fn refuse(&mut self, op_id: Option<&str>, action: Option<&'static str>, error: Error) {
        log!("{error}");
        self.queue
            .push(Response::error(error, action, VERSION).to_line(op_id));
    }

    /// Moves everything on as far as it goes without waiting.
    pub fn step(&mut self, now: Instant, buffer: &mut [u8], settings: &Settings) {
        let queue = &mut self.queue;
        self.executions
            .retain_mut(|execution| !execution.step(now, buffer, queue));
        while self.executions.iter().all(|other| other.op_id().is_some()) {
            let Some((work, came)) = self.waiting.pop_front() else {
                break;
            };
            self.start(None, &work, came, settings);
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
