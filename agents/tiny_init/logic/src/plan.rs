//! The module plan: which kernel modules to load, in which order.
//!
//! The build solves the closure from the packed kernel's `modules.dep` and writes one line per module, `GROUP FILE`,
//! in dependency order over the whole file. Nothing is solved at boot.

use crate::command_line::CommandLine;

/// When a module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// In every boot: transport and block devices.
    Always,
    /// When the command line says `init.net=1`.
    Net,
    /// When the command line says `init.balloon=1`.
    Balloon,
    /// With compressed swap, which every boot tries.
    Zram,
}

impl Group {
    fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"always" => Some(Self::Always),
            b"net" => Some(Self::Net),
            b"balloon" => Some(Self::Balloon),
            b"zram" => Some(Self::Zram),
            _ => None,
        }
    }

    /// Returns whether a boot with this command line loads the group before it looks for the root disk.
    pub fn wanted(self, line: CommandLine<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Net => line.is_on("init.net"),
            Self::Balloon => line.is_on("init.balloon"),
            Self::Zram => false,
        }
    }
}

/// One module.
#[derive(Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// When it is loaded.
    pub group: Group,
    /// Its file's name below `/modules`.
    pub file: &'a [u8],
}

/// A line that is neither a module, a comment nor empty.
#[derive(Debug, PartialEq, Eq)]
pub struct BadLine<'a>(pub &'a [u8]);

/// Returns the plan's modules in the order in which they are loaded.
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
    fn order_is_kept_and_comments_are_not() {
        let plan = b"# made by the build\nalways virtio_blk.ko\n\nnet failover.ko\n  net\tvirtio_net.ko \n";
        let files: Vec<&[u8]> = modules(plan).map(|module| module.unwrap().file).collect();
        assert_eq!(
            files,
            [&b"virtio_blk.ko"[..], b"failover.ko", b"virtio_net.ko"]
        );
    }

    #[test]
    fn what_is_no_module_is_named() {
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
    fn groups_follow_the_command_line() {
        let line = CommandLine::new(b"init.net=1 init.balloon=0");
        assert!(Group::Always.wanted(line));
        assert!(Group::Net.wanted(line));
        assert!(!Group::Balloon.wanted(line));
        assert!(!Group::Zram.wanted(line));
    }
}
