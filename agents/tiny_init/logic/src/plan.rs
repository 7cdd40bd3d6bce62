//! The module plan: the kernel modules to load, in order.
//!
//! The build resolves the dependencies from the packed kernel's `modules.dep`. It writes one line per module, `GROUP FILE`,
//! in dependency order.

use crate::command_line::CommandLine;
use crate::virtio::Device;

/// Longest plan, in bytes. `PLAN_LIMIT` of `tools/mkinitramfs/modules.py` has the same value.
pub const LIMIT: usize = 4096;

/// The condition for loading a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// In every boot: buses, disks, ports and root file systems.
    Always,
    /// For a network card.
    Net,
    /// For a memory balloon.
    Balloon,
    /// For an entropy device of the host.
    Rng,
    /// For compressed swap, in every boot.
    Zram,
}

impl Group {
    fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"always" => Some(Self::Always),
            b"net" => Some(Self::Net),
            b"balloon" => Some(Self::Balloon),
            b"rng" => Some(Self::Rng),
            b"zram" => Some(Self::Zram),
            _ => None,
        }
    }

    /// Returns the group with the drivers of a device, unless `Always` contains them.
    pub fn of(device: Device) -> Option<Self> {
        match device {
            Device::Net => Some(Self::Net),
            Device::Balloon => Some(Self::Balloon),
            Device::Rng => Some(Self::Rng),
            Device::Block => None,
        }
    }

    /// Returns the groups that a command line requests, with or without such a device.
    pub fn requested(line: CommandLine<'_>) -> impl Iterator<Item = Self> + '_ {
        [("init.net", Self::Net), ("init.balloon", Self::Balloon)]
            .into_iter()
            .filter(move |(key, _)| line.is_on(key))
            .map(|(_, group)| group)
    }
}

/// Groups that have been loaded.
#[derive(Debug, Default, Clone, Copy)]
pub struct Loaded(u8);

impl Loaded {
    /// Adds a group; returns whether it is new.
    pub fn insert(&mut self, group: Group) -> bool {
        let bit = 1 << group as u8;
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }
}

/// One module.
#[derive(Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// The condition for loading it.
    pub group: Group,
    /// The name of its file below `/modules`.
    pub file: &'a [u8],
}

/// A line that is not a module, a comment or empty.
#[derive(Debug, PartialEq, Eq)]
pub struct BadLine<'a>(pub &'a [u8]);

/// Returns the plan's modules in the order of loading.
pub fn modules(plan: &[u8]) -> impl Iterator<Item = Result<Module<'_>, BadLine<'_>>> {
    plan.split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| module(line).ok_or(BadLine(line)))
}

fn module(line: &[u8]) -> Option<Module<'_>> {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let module = Module {
        group: Group::parse(words.next()?)?,
        file: words.next()?,
    };
    let plain = module
        .file
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    (plain && module.file.ends_with(b".ko") && words.next().is_none()).then_some(module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn modules_keeps_order_and_skips_comments() {
        let plan = b"# made by the build\nalways virtio_blk.ko\n\nnet failover.ko\n  net\tvirtio_net.ko \n";
        let files: Vec<&[u8]> = modules(plan).map(|module| module.unwrap().file).collect();
        assert_eq!(
            files,
            [&b"virtio_blk.ko"[..], b"failover.ko", b"virtio_net.ko"]
        );
    }

    #[test]
    fn modules_returns_bad_lines() {
        for line in [
            &b"sometimes x.ko"[..],
            b"always",
            b"always ../x.ko",
            b"always x.ko.xz",
            b"always x.ko y.ko",
        ] {
            assert_eq!(modules(line).next(), Some(Err(BadLine(line))));
        }
    }

    #[test]
    fn of_returns_group_of_device() {
        assert_eq!(Group::of(Device::Net), Some(Group::Net));
        assert_eq!(Group::of(Device::Rng), Some(Group::Rng));
        assert_eq!(Group::of(Device::Balloon), Some(Group::Balloon));
        assert_eq!(Group::of(Device::Block), None);
    }

    #[test]
    fn requested_returns_groups_of_command_line() {
        let requested = |line| Group::requested(CommandLine::new(line)).collect::<Vec<_>>();
        assert_eq!(requested(b"init.net=1 init.balloon=0"), [Group::Net]);
        assert_eq!(
            requested(b"init.balloon=1 init.net=1"),
            [Group::Net, Group::Balloon]
        );
        assert_eq!(requested(b"quiet"), []);
    }

    #[test]
    fn insert_reports_new_group_once() {
        let mut loaded = Loaded::default();
        assert!(loaded.insert(Group::Net));
        assert!(loaded.insert(Group::Always));
        assert!(!loaded.insert(Group::Net));
        assert!(loaded.insert(Group::Zram));
    }
}
