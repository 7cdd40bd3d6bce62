//! Where one host ends and the next begins, which the ports do not say.

use std::time::{Duration, Instant};

/// How long before it is told of a new host the agent may have read that host's first request: requests and news take
/// different ways through the kernel, and nothing orders them. Longer would spare what a host asked for right before it
/// hung up.
const NEWS: Duration = Duration::from_millis(20);

/// Likewise for a host that has said hello: that is where its own requests begin, so that it loses none of them to news
/// that are late on a busy machine.
const LATE_NEWS: Duration = Duration::from_secs(5);

/// Likewise for what is found in the port while nobody is on it, where the agent looks for news from time to time only.
const LEFTOVER: Duration = Duration::from_millis(50);

/// What tells a host from the one before.
#[derive(Debug, Default)]
pub struct Boundary {
    /// When a host said hello last.
    hello_at: Option<Instant>,
    /// When something was read from a host last.
    read_at: Option<Instant>,
}

impl Boundary {
    /// Notes that a host has said hello.
    pub fn has_greeted(&mut self, now: Instant) {
        self.hello_at = Some(now);
    }

    /// Notes that something was read.
    pub fn has_read(&mut self, now: Instant) {
        self.read_at = Some(now);
    }

    /// Returns whether what was read last is of another host than the one that is seen now for the first time: what
    /// came right before it may be its own.
    pub fn is_of_another(&self, now: Instant) -> bool {
        self.read_at.is_some_and(|at| now - at >= LEFTOVER)
    }

    /// Returns since when requests are those of a host of which there is news only now.
    pub fn begin_of_host(&self, now: Instant) -> Instant {
        let hello = self.hello_at.filter(|&at| now - at < LATE_NEWS);
        hello.map_or(now - NEWS, |at| at.min(now - NEWS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn what_came_right_before_a_host_may_be_its_own() {
        let mut boundary = Boundary::default();
        let now = Instant::now();
        assert!(!boundary.is_of_another(now));
        boundary.has_read(now);
        assert!(!boundary.is_of_another(now + LEFTOVER - MOMENT));
        assert!(boundary.is_of_another(now + LEFTOVER));
    }

    #[test]
    fn requests_right_before_the_news_are_the_new_hosts() {
        let now = Instant::now();
        assert_eq!(Boundary::default().begin_of_host(now), now - NEWS);
    }

    #[test]
    fn a_hello_is_where_a_hosts_requests_begin() {
        let mut boundary = Boundary::default();
        let greeted = Instant::now();
        boundary.has_greeted(greeted);
        // What came right before the news may be the host's as well, which greets a second time.
        assert_eq!(
            boundary.begin_of_host(greeted + MOMENT),
            greeted + MOMENT - NEWS
        );
        assert_eq!(
            boundary.begin_of_host(greeted + LATE_NEWS - MOMENT),
            greeted
        );
        // Too long ago to be this one's.
        assert_eq!(
            boundary.begin_of_host(greeted + LATE_NEWS),
            greeted + LATE_NEWS - NEWS
        );
    }
}
