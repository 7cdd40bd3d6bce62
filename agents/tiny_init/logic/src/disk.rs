//! Which disk is the root disk.

use crate::path::Path;

/// Serial that a host gives to the root disk when there are several.
const SERIAL: &[u8] = b"base";

/// The root disk of a host that gives no serials.
const DEFAULT: &[u8] = b"vda";

/// How long disks of which none has the serial `base` have to have been all, in microseconds.
const SETTLED: u64 = 100_000;

/// What one look at `/sys/block` finds.
#[derive(Default)]
pub struct Look {
    disks: usize,
    base: Option<Path>,
    default: Option<Path>,
    serials: bool,
}

impl Look {
    /// Notes a disk by its name and the content of its file `serial`. Only virtio disks count.
    pub fn see(&mut self, name: &[u8], serial: &[u8]) {
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

/// Chooses the root disk from a series of looks.
///
/// That is the disk with the serial `base`: names of disks follow the order in which the kernel finds them, which with
/// virtio-mmio on ARM is the reverse of the order that the host gave. `/dev/vda` is only taken when no disk with that
/// serial can be expected any more.
#[derive(Default)]
pub struct Choice {
    disks: usize,
    since: u64,
}

impl Choice {
    /// Returns the root disk, or `None` to look again.
    ///
    /// Args: what was seen, how many virtio block devices the machine has, the time in microseconds, and whether this
    /// is the last look, which waits no longer for a disk that no device announces.
    pub fn judge(&mut self, look: Look, devices: usize, now: u64, last: bool) -> Option<Path> {
        if look.disks != self.disks {
            self.disks = look.disks;
            self.since = now;
        }
        if look.base.is_some() {
            return look.base;
        }
        // A device without a disk is one whose driver has not come so far.
        let complete = look.disks >= devices;
        // Where a disk has a serial, the host goes by serials, and the root disk's may come late.
        let settled = !look.serials || last || now.saturating_sub(self.since) >= SETTLED;
        look.default.filter(|_| complete && settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn look(disks: &[(&str, &str)]) -> Look {
        let mut look = Look::default();
        for (name, serial) in disks {
            look.see(name.as_bytes(), serial.as_bytes());
        }
        look
    }

    /// Judges one look; returns the chosen device.
    fn judge(choice: &mut Choice, disks: &[(&str, &str)], devices: usize, now: u64) -> String {
        let path = choice.judge(look(disks), devices, now, false);
        path.map_or_else(String::new, |path| {
            String::from_utf8(path.as_bytes().to_vec()).unwrap()
        })
    }

    #[test]
    fn takes_base_wherever_it_stands() {
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
    fn waits_for_base_that_comes_after_another_disk() {
        let mut choice = Choice::default();
        assert_eq!(judge(&mut choice, &[("vda", "data\n")], 1, 1_000_000), "");
        assert_eq!(judge(&mut choice, &[("vda", "data\n")], 1, 1_050_000), "");
        let both = [("vda", "data\n"), ("vdb", "base\n")];
        assert_eq!(judge(&mut choice, &both, 2, 1_060_000), "/dev/vdb");
    }

    #[test]
    fn waits_for_every_device_to_have_its_disk() {
        let mut choice = Choice::default();
        assert_eq!(judge(&mut choice, &[("vda", "")], 2, 0), "");
        assert_eq!(judge(&mut choice, &[("vda", "")], 2, 9_000_000), "");
        assert!(choice
            .judge(look(&[("vda", "")]), 2, 10_000_000, true)
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
    fn takes_vda_at_once_where_no_disk_has_a_serial() {
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
    fn takes_vda_of_other_serial_once_disks_have_settled() {
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
    fn further_disk_starts_the_wait_again() {
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
    fn last_look_waits_no_longer_for_serials() {
        let found = Choice::default().judge(look(&[("vda", "root\n")]), 1, 0, true);
        assert_eq!(found.unwrap().as_bytes(), b"/dev/vda");
    }

    #[test]
    fn other_disks_are_none() {
        let disks = [("zram0", ""), ("sda", "base\n"), ("loop0", "")];
        assert_eq!(judge(&mut Choice::default(), &disks, 0, 0), "");
    }
}
