//! The composition of the root file system.

use crate::command_line::CommandLine;

/// The target of writes to the root file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Memory; the disk is read-only.
    Memory,
    /// The root disk, which the host keeps.
    Disk,
    /// The snap disk, which the host keeps.
    NewSnap,
    /// Memory; the root disk and the snap disk are read-only.
    Snap,
}

impl Root {
    /// Returns the composition that the host requests.
    ///
    /// Hosts up to 0.13 keep installed packages on the root disk and set `rootflags=rw`; 0.14 and 0.15 set `init.rw=1`.
    /// Later hosts keep a second disk, the snap disk, and set `init.snap=1`.
    pub fn of(line: CommandLine<'_>) -> Self {
        match (line.is_on("init.snap"), line.writes_disk()) {
            (false, false) => Self::Memory,
            (false, true) => Self::Disk,
            (true, true) => Self::NewSnap,
            (true, false) => Self::Snap,
        }
    }

    /// Returns whether the root needs the snap disk.
    pub fn needs_snap(self) -> bool {
        matches!(self, Self::NewSnap | Self::Snap)
    }
}

#[cfg(test)]
mod tests {
    use super::Root;
    use crate::command_line::CommandLine;

    #[test]
    fn of_follows_command_lines_of_hosts() {
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
