//! Polling with increasing pauses, for events without a notification.

/// The sleeps of a wait with a limit, in microseconds.
pub struct Backoff {
    next: u64,
    longest: u64,
    left: u64,
}

impl Backoff {
    /// Starts a wait that lasts no longer than `limit` microseconds.
    ///
    /// The first sleep takes one millisecond, because most devices appear within a few. Each further sleep is twice as
    /// long, up to 50 ms. A longer sleep would delay the boot; a shorter one would take time from the kernel's threads on
    /// a machine with one CPU.
    pub fn new(limit: u64) -> Self {
        Self {
            next: 1_000,
            longest: 50_000,
            left: limit,
        }
    }
}

impl Backoff {
    /// Returns whether the limit is reached.
    pub fn ended(&self) -> bool {
        self.left == 0
    }
}

impl Iterator for Backoff {
    type Item = u64;

    /// Returns the sleep before the next attempt, or `None` when the limit is reached.
    fn next(&mut self) -> Option<u64> {
        if self.left == 0 {
            return None;
        }
        let sleep = self.next.min(self.left);
        self.left -= sleep;
        self.next = (self.next * 2).min(self.longest);
        Some(sleep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn next_doubles_up_to_longest() {
        let sleeps: Vec<u64> = Backoff::new(10_000_000).take(8).collect();
        assert_eq!(
            sleeps,
            [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 50_000, 50_000]
        );
    }

    #[test]
    fn sleeps_add_up_to_limit() {
        for limit in [1, 999, 1_000, 10_000_000] {
            assert_eq!(Backoff::new(limit).sum::<u64>(), limit);
        }
    }

    #[test]
    fn next_returns_none_at_limit() {
        assert!(Backoff::new(0).ended());
        assert_eq!(Backoff::new(0).next(), None);
        let mut backoff = Backoff::new(1_000);
        assert!(!backoff.ended());
        assert_eq!(backoff.next(), Some(1_000));
        assert!(backoff.ended());
    }
}
