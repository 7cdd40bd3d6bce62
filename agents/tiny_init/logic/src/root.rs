//! What the root file system is made of.

use crate::command_line::CommandLine;

/// Where what is written to the root goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Into memory; the disk is only read.
    Memory,
    /// Onto the disk: the host keeps the disk.
    Disk,
    /// Onto a second disk, which the host keeps.
    NewSnap,
    /// Into memory; the disk and the second one are only read.
    Snap,
}

impl Root {
    /// Returns what the host asks for.
    ///
    /// Hosts up to 0.13 keep what is installed on the root disk and say so with `rootflags=rw`; 0.14 and 0.15 say
    /// `init.rw=1`. Later ones keep a second disk, and say `init.snap=1`.
    pub fn of(line: CommandLine<'_>) -> Self {
        match (line.is_on("init.snap"), line.writes_disk()) {
            (false, false) => Self::Memory,
            (false, true) => Self::Disk,
            (true, true) => Self::NewSnap,
            (true, false) => Self::Snap,
        }
    }

    /// Returns whether a second disk is needed.
    pub fn needs_snap(self) -> bool {
        matches!(self, Self::NewSnap | Self::Snap)
    }
}

#[cfg(test)]
mod tests {
    use super::Root;
    use crate::command_line::CommandLine;

    #[test]
    fn hosts_choose_the_root() {
        for (line, root) in [
            (&b"console=ttyS0 root=/dev/vda"[..], Root::Memory),
            (
                b"root=/dev/vda rootflags=noatime rootfstype=erofs",
                Root::Memory,
            ),
            (b"rootflags=rw,noatime rootfstype=ext4", Root::Disk),
            (b"rootflags=noatime rootfstype=ext4 init.rw=1", Root::Disk),
            (b"rw", Root::Disk),
            (b"rw ro", Root::Memory),
            (b"rootfstype=erofs init.rw=1 init.snap=1", Root::NewSnap),
            (b"rootfstype=erofs init.snap=1", Root::Snap),
            (b"init.rw=0 init.snap=0", Root::Memory),
        ] {
            assert_eq!(Root::of(CommandLine::new(line)), root);
            assert_eq!(root.needs_snap(), line.ends_with(b"init.snap=1"));
        }
    }
}
