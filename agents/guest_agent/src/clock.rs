//! The wall clock of a guest that was restored from a memory snapshot.
//!
//! The clock of such a guest shows the time of saving, and the guest is not notified of the restore. The machine's hardware
//! clock has kept running.

use std::io;
use std::time::Duration;

use crate::hardware_clock::HardwareClock;
use crate::{sys, system};

/// Largest difference between the two clocks without a restore. Each clock may be off by half a second: the kernel set the
/// wall clock from the hardware clock at boot, and the hardware clock counts whole seconds. The rest is for delays on a busy
/// host.
const TOLERANCE: Duration = Duration::from_millis(1500);

/// Plausible times, from the year 2025 to the year 2100. A hardware clock with an empty battery, or one that counts from
/// the start of the machine, shows other times.
const BELIEVABLE: std::ops::Range<Duration> =
    Duration::from_secs(1_735_689_600)..Duration::from_secs(4_102_444_800);

/// The wall clock, and the hardware clock that it follows.
#[derive(Debug)]
pub struct WallClock {
    hardware: Option<HardwareClock>,
    /// Offset from the hardware clock that the host has set.
    offset: Offset,
}

/// The difference between two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offset {
    Ahead(Duration),
    Behind(Duration),
}

impl Offset {
    fn of(time: Duration, base: Duration) -> Self {
        match time.checked_sub(base) {
            Some(ahead) => Self::Ahead(ahead),
            None => Self::Behind(base - time),
        }
    }

    fn add_to(self, base: Duration) -> Duration {
        match self {
            Self::Ahead(time) => base.saturating_add(time),
            Self::Behind(time) => base.saturating_sub(time),
        }
    }

    fn size(self) -> Duration {
        match self {
            Self::Ahead(time) | Self::Behind(time) => time,
        }
    }
}

impl WallClock {
    /// Opens the hardware clock, if there is one.
    pub fn open() -> Self {
        let hardware = HardwareClock::open();
        if hardware.is_none() {
            log!("no hardware clock: after a restore only the host can set the time");
        }
        Self::of(hardware)
    }

    /// Returns a wall clock that only the host sets.
    pub fn free() -> Self {
        Self::of(None)
    }

    fn of(hardware: Option<HardwareClock>) -> Self {
        Self {
            hardware,
            offset: Offset::Ahead(Duration::ZERO),
        }
    }

    /// Steps the wall clock if it differs from the hardware clock by more than the tolerance.
    pub fn check(&self) {
        let Some(hardware) = &self.hardware else {
            return;
        };
        let Ok(time) = hardware.read() else {
            return;
        };
        let Some(step) = step(sys::unix_time(), time, self.offset) else {
            return;
        };
        let words = match step.by {
            Offset::Ahead(time) => ("behind", time),
            Offset::Behind(time) => ("ahead of", time),
        };
        match set(step.to) {
            Ok(()) => log!(
                "the clock was {:.1} s {} the hardware clock, and was set",
                words.1.as_secs_f64(),
                words.0
            ),
            Err(error) => log!("cannot set the clock: {error}"),
        }
    }

    /// Sets the wall clock to the time of the host. The wall clock keeps its offset from the hardware clock from now on.
    pub fn set(&mut self, unix_ns: u64) -> io::Result<()> {
        system::set_clock(unix_ns)?;
        let time = self.hardware.as_ref().and_then(|clock| clock.read().ok());
        if let Some(time) = time {
            self.offset = host_offset(Duration::from_nanos(unix_ns), time);
        }
        Ok(())
    }
}

/// A correction of the wall clock.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    to: Duration,
    by: Offset,
}

/// Returns the necessary correction, if any.
fn step(wall: Duration, hardware: Duration, offset: Offset) -> Option<Step> {
    let to = offset.add_to(hardware);
    let by = Offset::of(to, wall);
    (BELIEVABLE.contains(&hardware) && by.size() > TOLERANCE).then_some(Step { to, by })
}

/// Returns the offset that a host sets: zero within the tolerance.
fn host_offset(wall: Duration, hardware: Duration) -> Offset {
    let offset = Offset::of(wall, hardware);
    if offset.size() > TOLERANCE {
        offset
    } else {
        Offset::Ahead(Duration::ZERO)
    }
}

fn set(time: Duration) -> io::Result<()> {
    let unix_ns = u64::try_from(time.as_nanos()).map_err(io::Error::other)?;
    system::set_clock(unix_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Offset = Offset::Ahead(Duration::ZERO);
    const DAY: Duration = Duration::from_secs(86_400);
    const MOMENT: Duration = Duration::from_millis(1);

    /// Some time in 2027.
    const TIME: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn step_returns_time_of_hardware_clock_after_restore() {
        let by = Offset::Ahead(3 * DAY);
        let expected = Step {
            to: TIME + 3 * DAY,
            by,
        };
        assert_eq!(step(TIME, TIME + 3 * DAY, NONE), Some(expected));
        // The clock of the host was corrected.
        let by = Offset::Behind(DAY);
        let expected = Step { to: TIME - DAY, by };
        assert_eq!(step(TIME, TIME - DAY, NONE), Some(expected));
    }

    #[test]
    fn step_ignores_small_differences() {
        for hardware in [TIME, TIME + TOLERANCE, TIME - TOLERANCE] {
            assert_eq!(step(TIME, hardware, NONE), None);
        }
        assert!(step(TIME, TIME + TOLERANCE + MOMENT, NONE).is_some());
        assert!(step(TIME, TIME - TOLERANCE - MOMENT, NONE).is_some());
    }

    #[test]
    fn step_ignores_rounding_of_earlier_step() {
        // Test every phase of the true time within a second of the hardware clock, at the step and at a later check.
        let rounded = |time: Duration| Duration::from_secs(time.as_secs()) + 500 * MOMENT;
        for (first, later) in (0..1000).flat_map(|phase| [(phase, 0), (phase, 499), (phase, 999)]) {
            let stepped = TIME + DAY + first * MOMENT;
            let wall = step(TIME, rounded(stepped), NONE).unwrap().to;
            let pause = 10 * DAY + later * MOMENT;
            assert_eq!(step(wall + pause, rounded(stepped + pause), NONE), None);
        }
    }

    #[test]
    fn step_ignores_implausible_times() {
        for hardware in [
            Duration::ZERO,
            BELIEVABLE.start - MOMENT,
            BELIEVABLE.end,
            Duration::from_secs(u64::MAX / 2),
        ] {
            assert_eq!(step(TIME, hardware, NONE), None);
        }
    }

    #[test]
    fn step_keeps_offset_of_host() {
        for wall in [TIME + 9 * DAY, TIME - 9 * DAY, DAY] {
            let offset = host_offset(wall, TIME);
            assert_eq!(step(wall, TIME, offset), None);
            let restored = step(wall, TIME + DAY, offset).unwrap();
            assert_eq!((restored.to, restored.by), (wall + DAY, Offset::Ahead(DAY)));
        }
    }

    #[test]
    fn host_offset_is_zero_within_tolerance() {
        assert_eq!(host_offset(TIME + 700 * MOMENT, TIME), NONE);
        assert_eq!(host_offset(TIME - TOLERANCE, TIME), NONE);
        assert_ne!(host_offset(TIME + TOLERANCE + MOMENT, TIME), NONE);
    }
}
