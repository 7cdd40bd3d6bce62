//! Prepares the machine for user code.
//!
//! The preparation takes as long as the rest of the agent's start. The agent first answers a host that waits for the machine.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::{hardening, network, storage, swap, system};

/// Longest time that the preparation of a machine waits for the first request of a host.
pub const SILENCE: Duration = Duration::from_millis(50);

/// Prepares the machine. The agent must be PID 1.
pub fn machine(config: &mut Config) {
    system::set_up();
    // `hardening` removes the name of the device later.
    swap::set_up();
    config.groups = system::groups();
    storage::set_up(config);
    hardening::set_up();
    network::set_up();
}

/// Work that the agent does once.
pub struct Preparation {
    work: Option<fn(&mut Config)>,
    due: Instant,
}

impl Preparation {
    /// Creates a preparation without work.
    pub fn none() -> Self {
        Self {
            work: None,
            due: Instant::now(),
        }
    }

    /// Creates a preparation that waits at most `silence` for the first request of a host.
    pub fn new(work: fn(&mut Config), silence: Duration) -> Self {
        Self {
            work: Some(work),
            due: Instant::now() + silence,
        }
    }

    /// Sets the due time after the first response to a host.
    pub fn answered(&mut self, now: Instant) {
        self.due = now;
    }

    /// Returns the latest time for the work, until it is done.
    pub fn due(&self) -> Option<Instant> {
        self.work.map(|_| self.due)
    }

    /// Returns whether the work has yet to be done.
    pub fn is_pending(&self) -> bool {
        self.work.is_some()
    }

    /// Does the work, unless it is done. Returns whether this call did it.
    pub fn run(&mut self, config: &mut Config) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        work(config);
        true
    }
}
