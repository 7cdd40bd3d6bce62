//! The handover from one host to the next. The ports do not mark it.

use std::time::{Duration, Instant};

/// Grace period for late connect notifications.
///
/// Request data and the signal that announces a new host are delivered independently, so the agent may read a host's first
/// request up to this long before it learns that the host has connected. Requests read within the period are attributed to
/// the new host. A longer period would also keep requests that the previous host sent just before it disconnected.
const GRACE: Duration = Duration::from_millis(20);

/// Grace period for a host that has sent `hello`, which marks the start of its requests. The host then loses no requests
/// to a notification that is late on a busy machine.
const HELLO_GRACE: Duration = Duration::from_secs(5);

/// Grace period for data that the agent finds in a port without a host: it checks such a port only from time to time.
const LEFTOVER_GRACE: Duration = Duration::from_millis(50);

/// The events that separate two hosts.
#[derive(Debug, Default)]
pub struct Handover {
    /// Time of the last `hello`.
    hello_at: Option<Instant>,
    /// Time of the last read.
    read_at: Option<Instant>,
}

impl Handover {
    /// Records a `hello`.
    pub fn note_hello(&mut self, now: Instant) {
        self.hello_at = Some(now);
    }

    /// Records a read.
    pub fn note_read(&mut self, now: Instant) {
        self.read_at = Some(now);
    }

    /// Returns the time of the last read.
    pub fn last_read(&self) -> Option<Instant> {
        self.read_at
    }

    /// Returns whether the data read last is from an earlier host than the one that is first seen now. Data read right
    /// before may be the new host's.
    pub fn is_of_earlier_host(&self, now: Instant) -> bool {
        self.read_at.is_some_and(|at| now - at >= LEFTOVER_GRACE)
    }

    /// Returns the time from which requests belong to a host whose notification comes now.
    pub fn start_of_host(&self, now: Instant) -> Instant {
        let hello = self.hello_at.filter(|&at| now - at < HELLO_GRACE);
        hello.map_or(now - GRACE, |at| at.min(now - GRACE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn is_of_earlier_host_allows_grace_period() {
        let mut handover = Handover::default();
        let now = Instant::now();
        assert!(!handover.is_of_earlier_host(now));
        handover.note_read(now);
        assert!(!handover.is_of_earlier_host(now + LEFTOVER_GRACE - MOMENT));
        assert!(handover.is_of_earlier_host(now + LEFTOVER_GRACE));
    }

    #[test]
    fn start_of_host_allows_grace_period() {
        let now = Instant::now();
        assert_eq!(Handover::default().start_of_host(now), now - GRACE);
    }

    #[test]
    fn start_of_host_returns_time_of_hello() {
        let mut handover = Handover::default();
        let greeted = Instant::now();
        handover.note_hello(greeted);
        // Requests right before the notification belong to the host, even before its hello.
        assert_eq!(
            handover.start_of_host(greeted + MOMENT),
            greeted + MOMENT - GRACE
        );
        assert_eq!(
            handover.start_of_host(greeted + HELLO_GRACE - MOMENT),
            greeted
        );
        // The hello is too old to be from this host.
        assert_eq!(
            handover.start_of_host(greeted + HELLO_GRACE),
            greeted + HELLO_GRACE - GRACE
        );
    }
}
