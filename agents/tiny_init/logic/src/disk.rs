//! The choice of the root disk.

use crate::path::Path;

/// Serial that a host gives to the root disk when there are several.
const SERIAL: &[u8] = b"base";

/// The root disk of a host that gives no serials.
const DEFAULT: &[u8] = b"vda";

/// Time, in microseconds, without a new disk after which none with the serial `base` is expected.
const SETTLED: u64 = 100_000;

/// The disks that one scan of `/sys/block` finds.
#[derive(Default)]
pub struct Scan {
    disks: usize,
    base: Option<Path>,
    default: Option<Path>,
    serials: bool,
}

impl Scan {
    /// Notes a disk by its name and the content of its file `serial`. Only virtio disks count.
    pub fn add(&mut self, name: &[u8], serial: &[u8]) {
        if !name.starts_with(b"vd") {
            return;
        }
        self.disks += 1;
        let serial = serial.trim_ascii_end();
        self.serials |= !serial.is_empty();
        if serial == SERIAL {
            self.base = Path::join(&[b"/dev/", name]).ok();
        } else if name == DEFAULT {
            self.default = Path::join(&[b"/dev/", name]).ok();
        }
    }
}

/// Chooses the root disk from a series of scans.
///
/// The root disk is the disk with the serial `base`. Names are unreliable: they follow the order in which the kernel finds
/// disks, which with virtio-mmio on ARM reverses the order that the host gave. `/dev/vda` is the root disk only when no disk
/// with that serial is expected any more.
#[derive(Default)]
pub struct Choice {
    disks: usize,
    since: u64,
}

impl Choice {
    /// Returns the root disk, or `None` to scan again.
    ///
    /// `devices` is the number of virtio block devices, `now` the time in microseconds. The `last` scan does not wait for
    /// disks that no device announces.
    pub fn judge(&mut self, scan: Scan, devices: usize, now: u64, last: bool) -> Option<Path> {
        if scan.disks != self.disks {
            self.disks = scan.disks;
            self.since = now;
        }
        if scan.base.is_some() {
            return scan.base;
        }
        // If a device lacks its disk, its driver is still loading.
        let complete = scan.disks >= devices;
        // If any disk has a serial, the host uses serials, and the root disk may appear later.
        let settled = !scan.serials || last || now.saturating_sub(self.since) >= SETTLED;
        scan.default.filter(|_| complete && settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn scan(disks: &[(&str, &str)]) -> Scan {
        let mut scan = Scan::default();
        for (name, serial) in disks {
            scan.add(name.as_bytes(), serial.as_bytes());
        }
        scan
    }

    /// Judges one scan; returns the chosen device.
    fn judge(choice: &mut Choice, disks: &[(&str, &str)], devices: usize, now: u64) -> String {
        let path = choice.judge(scan(disks), devices, now, false);
        path.map_or_else(String::new, |path| {
            String::from_utf8(path.as_bytes().to_vec()).unwrap()
        })
    }

    #[test]
    fn judge_returns_base_in_any_order() {
        for disks in [
            [("vda", "base\n"), ("vdb", "snap\n")],
            [("vda", "snap\n"), ("vdb", "base\n")],
        ] {
            let found = judge(&mut Choice::default(), &disks, 2, 0);
            assert_eq!(
                found,
                if disks[0].1 == "base\n" {
                    "/dev/vda"
                } else {
                    "/dev/vdb"
                }
            );
        }
    }

    #[test]
    fn judge_waits_for_late_base() {
        let mut choice = Choice::default();
        assert_eq!(judge(&mut choice, &[("vda", "data\n")], 1, 1_000_000), "");
        assert_eq!(judge(&mut choice, &[("vda", "data\n")], 1, 1_050_000), "");
        let both = [("vda", "data\n"), ("vdb", "base\n")];
        assert_eq!(judge(&mut choice, &both, 2, 1_060_000), "/dev/vdb");
    }

    #[test]
    fn judge_waits_for_disks_of_all_devices() {
        let mut choice = Choice::default();
        assert_eq!(judge(&mut choice, &[("vda", "")], 2, 0), "");
        assert_eq!(judge(&mut choice, &[("vda", "")], 2, 9_000_000), "");
        assert!(choice
            .judge(scan(&[("vda", "")]), 2, 10_000_000, true)
            .is_none());
        assert_eq!(
            judge(
                &mut choice,
                &[("vda", ""), ("vdb", "base\n")],
                2,
                10_000_000
            ),
            "/dev/vdb"
        );
    }

    #[test]
    fn judge_returns_vda_at_once_without_serials() {
        assert_eq!(
            judge(&mut Choice::default(), &[("vda", "\n")], 1, 0),
            "/dev/vda"
        );
        assert_eq!(
            judge(&mut Choice::default(), &[("vdb", ""), ("vda", "")], 2, 0),
            "/dev/vda"
        );
    }

    #[test]
    fn judge_returns_vda_with_other_serial_after_settling() {
        let mut choice = Choice::default();
        assert_eq!(judge(&mut choice, &[("vda", "root\n")], 1, 1_000_000), "");
        assert_eq!(
            judge(
                &mut choice,
                &[("vda", "root\n")],
                1,
                1_000_000 + SETTLED - 1
            ),
            ""
        );
        assert_eq!(
            judge(&mut choice, &[("vda", "root\n")], 1, 1_000_000 + SETTLED),
            "/dev/vda"
        );
    }

    #[test]
    fn judge_restarts_wait_after_new_disk() {
        let mut choice = Choice::default();
        let two = [("vda", "root\n"), ("vdb", "data\n")];
        assert_eq!(judge(&mut choice, &two[..1], 1, 1_000_000), "");
        assert_eq!(judge(&mut choice, &two, 2, 1_000_000 + SETTLED), "");
        assert_eq!(
            judge(&mut choice, &two, 2, 1_000_000 + 2 * SETTLED),
            "/dev/vda"
        );
    }

    #[test]
    fn judge_returns_vda_at_last_scan() {
        let found = Choice::default().judge(scan(&[("vda", "root\n")]), 1, 0, true);
        assert_eq!(found.unwrap().as_bytes(), b"/dev/vda");
    }

    #[test]
    fn judge_ignores_other_disks() {
        let disks = [("zram0", ""), ("sda", "base\n"), ("loop0", "")];
        assert_eq!(judge(&mut Choice::default(), &disks, 0, 0), "");
    }
}
