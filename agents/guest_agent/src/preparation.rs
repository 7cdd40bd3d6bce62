//! What a machine needs before user code runs.
//!
//! It takes as long as the agent's own start. A host that waits for the machine is answered before.

use std::time::{Duration, Instant};

use crate::settings::Settings;
use crate::{hardening, network, storage, swap, system};

/// How long a host that is there may say nothing before the machine is prepared nonetheless.
const SILENCE: Duration = Duration::from_millis(50);

/// Prepares a machine of which the agent is the first process.
pub fn machine(settings: &mut Settings) {
    system::set_up();
    // Before the device loses its name.
    swap::set_up();
    settings.groups = system::groups();
    storage::set_up(settings);
    hardening::set_up();
    network::set_up();
}

/// A preparation that is to be made once.
pub struct Preparation {
    work: Option<fn(&mut Settings)>,
    due: Instant,
}

impl Preparation {
    /// Makes a preparation; `None` for what needs none.
    pub fn new(work: Option<fn(&mut Settings)>) -> Self {
        Self {
            work,
            due: Instant::now() + SILENCE,
        }
    }

    /// Makes it due: the host has its first response.
    pub fn answered(&mut self, now: Instant) {
        self.due = now;
    }

    /// Returns when it is to be made at the latest, unless it is made.
    pub fn due(&self) -> Option<Instant> {
        self.work.map(|_| self.due)
    }

    /// Makes it, unless it is made.
    pub fn make(&mut self, settings: &mut Settings) {
        if let Some(work) = self.work.take() {
            work(settings);
        }
    }
}
