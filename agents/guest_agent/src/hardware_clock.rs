//! The clock of the machine, which keeps running while the guest is saved.
//!
//! * KVM's PTP clock reads the host's time by a hypercall.
//! * The real-time clock of the board (CMOS, PL031) counts whole seconds.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use crate::sys;

/// An open clock of the machine.
#[derive(Debug)]
pub enum HardwareClock {
    /// A clock that counts nanoseconds.
    Precise(File),
    /// A clock that counts seconds.
    Seconds(File),
}

impl HardwareClock {
    /// Opens the most precise readable clock of the machine.
    ///
    /// The file stays open: only one process can open the real-time clock.
    pub fn open() -> Option<Self> {
        let clocks = [
            open_kvm(Path::new("/sys/class/ptp"), Path::new("/dev")).map(Self::Precise),
            File::open("/dev/rtc0").ok().map(Self::Seconds),
        ];
        clocks
            .into_iter()
            .flatten()
            .find(|clock| clock.read().is_ok())
    }

    /// Returns the time since 1970. For a clock that counts seconds, returns the middle of the second.
    pub fn read(&self) -> io::Result<Duration> {
        match self {
            Self::Precise(file) => read_precise(file),
            Self::Seconds(file) => {
                let seconds = unix_seconds(&read_fields(file)?)?;
                Ok(Duration::from_secs(seconds) + Duration::from_millis(500))
            }
        }
    }
}

/// Opens KVM's clock of a class. Other PTP clocks belong to network cards.
fn open_kvm(class: &Path, devices: &Path) -> Option<File> {
    let entries = fs::read_dir(class).ok()?.flatten();
    let mut names = entries.map(|entry| entry.file_name());
    let name = names.find(|name| {
        let path = class.join(name).join("clock_name");
        fs::read_to_string(path).is_ok_and(|text| text.trim_end() == "KVM virtual PTP")
    })?;
    File::open(devices.join(name)).ok()
}

fn read_precise(file: &File) -> io::Result<Duration> {
    // The kernel's clock number for a file.
    let clock = (!file.as_raw_fd() << 3) | 3;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call fills a local structure.
    sys::check(unsafe { libc::clock_gettime(clock, &mut time) })?;
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
    let seconds = u64::try_from(time.tv_sec).map_err(invalid)?;
    Ok(Duration::new(seconds, time.tv_nsec as u32))
}

/// The kernel's `struct rtc_time`.
#[repr(C)]
#[derive(Debug, Default)]
struct Fields {
    second: i32,
    minute: i32,
    hour: i32,
    day: i32,
    /// From 0.
    month: i32,
    /// Since 1900.
    year: i32,
    /// Day of the week, day of the year, summer time: not used.
    others: [i32; 3],
}

fn read_fields(file: &File) -> io::Result<Fields> {
    /// `RTC_RD_TIME`.
    const READ_TIME: libc::Ioctl = 0x8024_7009_u32 as libc::Ioctl;
    let mut fields = Fields::default();
    // SAFETY: the call fills a local structure with the kernel's layout.
    sys::check(unsafe { libc::ioctl(file.as_raw_fd(), READ_TIME, &mut fields) })?;
    Ok(fields)
}

/// Returns the seconds since 1970 of a date of the Gregorian calendar.
fn unix_seconds(fields: &Fields) -> io::Result<u64> {
    let Fields {
        second,
        minute,
        hour,
        day,
        month,
        year,
        ..
    } = *fields;
    let is_valid = (70..=8000).contains(&year)
        && (0..12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !is_valid {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // Count months from March, so that the leap day is the last day of a year. The other months have 30.6 days on average.
    let month = (i64::from(month) + 10) % 12;
    let year = i64::from(year) + 1900 - i64::from(month >= 10);
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10;
    let days = days + i64::from(day) - 1 - 719_468;
    let seconds = ((days * 24 + i64::from(hour)) * 60 + i64::from(minute)) * 60 + i64::from(second);
    u64::try_from(seconds).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i32, month: i32, day: i32) -> Fields {
        Fields {
            year: year - 1900,
            month: month - 1,
            day,
            ..Fields::default()
        }
    }

    #[test]
    fn unix_seconds_counts_from_1970() {
        for (fields, days) in [
            (date(1970, 1, 1), 0),
            (date(1972, 2, 29), 789),
            (date(1972, 3, 1), 790),
            (date(2000, 2, 29), 11_016),
            (date(2026, 12, 31), 20_818),
            (date(2100, 3, 1), 47_541),
        ] {
            assert_eq!(unix_seconds(&fields).unwrap(), days * 86_400, "{fields:?}");
        }
        let fields = Fields {
            hour: 23,
            minute: 58,
            second: 59,
            ..date(1970, 1, 1)
        };
        assert_eq!(unix_seconds(&fields).unwrap(), 86_339);
    }

    #[test]
    fn unix_seconds_rejects_impossible_dates() {
        for fields in [
            date(1969, 12, 31),
            date(2026, 0, 1),
            date(2026, 13, 1),
            date(2026, 1, 0),
            date(2026, 1, 32),
            Fields {
                hour: 165,
                ..date(2026, 1, 1)
            },
        ] {
            assert!(unix_seconds(&fields).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn open_kvm_ignores_network_cards() {
        let directory = std::env::temp_dir().join(format!("ptp-{}", std::process::id()));
        for (device, name) in [("ptp0", "e1000e-ptp\n"), ("ptp1", "KVM virtual PTP\n")] {
            fs::create_dir_all(directory.join(device)).unwrap();
            fs::write(directory.join(device).join("clock_name"), name).unwrap();
        }
        let devices = directory.join("dev");
        fs::create_dir(&devices).unwrap();
        fs::write(devices.join("ptp0"), "").unwrap();
        assert!(open_kvm(&directory, &devices).is_none());
        fs::write(devices.join("ptp1"), "").unwrap();
        assert!(open_kvm(&directory, &devices).is_some());
        assert!(open_kvm(&directory.join("none"), &devices).is_none());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn read_rejects_other_files() {
        let file = || File::open("/dev/null").unwrap();
        assert!(HardwareClock::Precise(file()).read().is_err());
        assert!(HardwareClock::Seconds(file()).read().is_err());
    }
}
