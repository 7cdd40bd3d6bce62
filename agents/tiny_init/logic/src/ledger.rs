//! The boot ledger: the duration of each stage.

use core::fmt::Write;

use crate::text::Text;

/// Durations of the stages so far, as text for an environment variable: `kernel=310000,mounts=420`.
pub struct Ledger {
    text: Text<{ Self::CAPACITY }>,
    last: u64,
}

impl Ledger {
    /// Name of the environment variable that passes the ledger to the agent.
    pub const VARIABLE: &'static str = "SANDBOX_BOOT_LEDGER";

    /// Longest text, in bytes.
    pub const CAPACITY: usize = 512;

    /// Creates a ledger whose first stage starts at `now`, in microseconds.
    pub fn new(now: u64) -> Self {
        Self {
            text: Text::new(),
            last: now,
        }
    }

    /// Adds a stage that ends at `now`; returns its duration in microseconds.
    pub fn end(&mut self, stage: &str, now: u64) -> u64 {
        let took = now.saturating_sub(self.last);
        self.last = now;
        let comma = if self.text.as_bytes().is_empty() {
            ""
        } else {
            ","
        };
        // A full ledger drops the item. A missing number must not end a boot, and a truncated one would be wrong.
        let mut item = Text::<64>::new();
        let _ = write!(item, "{comma}{stage}={took}");
        if !item.is_cut() && self.text.as_bytes().len() + item.as_bytes().len() <= Self::CAPACITY {
            self.text.push(item.as_bytes());
        }
        took
    }

    /// Returns the text.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn end_measures_from_previous_stage() {
        let mut ledger = Ledger::new(100);
        assert_eq!(ledger.end("mounts", 150), 50);
        assert_eq!(ledger.end("modules", 1_150), 1_000);
        assert_eq!(ledger.as_bytes(), b"mounts=50,modules=1000");
    }

    #[test]
    fn full_ledger_contains_whole_items_only() {
        let mut ledger = Ledger::new(0);
        for now in 1..=100 {
            ledger.end("stage", now * 1_000_000);
        }
        let items: Vec<&[u8]> = ledger.as_bytes().split(|&byte| byte == b',').collect();
        assert_eq!(items.len(), 36);
        assert!(items.iter().all(|item| *item == b"stage=1000000"));
    }

    #[test]
    fn end_returns_zero_after_clock_step_back() {
        assert_eq!(Ledger::new(100).end("x", 50), 0);
    }
}
