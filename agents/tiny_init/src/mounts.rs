//! Mounts `/proc`, `/dev` and `/sys`.

use core::ffi::CStr;

use tiny_init_logic::text::Printable;

use crate::fatal::Fatal;
use crate::sys::{self, mount_flag, Errno};

struct Mount {
    path: &'static CStr,
    kind: &'static CStr,
    flags: usize,
    data: &'static CStr,
}

/// `/proc` comes first: `ending` needs it as early as possible.
const MOUNTS: [Mount; 3] = [
    Mount {
        path: c"/proc",
        kind: c"proc",
        flags: mount_flag::NOSUID | mount_flag::NODEV | mount_flag::NOEXEC,
        data: c"",
    },
    Mount {
        path: c"/dev",
        kind: c"devtmpfs",
        flags: mount_flag::NOSUID,
        data: c"mode=0755",
    },
    Mount {
        path: c"/sys",
        kind: c"sysfs",
        flags: mount_flag::NOSUID | mount_flag::NODEV | mount_flag::NOEXEC,
        data: c"",
    },
];

/// Mounts `/proc`.
pub fn mount_proc() -> Result<(), Fatal> {
    mount(&MOUNTS[..1])
}

/// Mounts `/dev` and `/sys`.
pub fn mount_others() -> Result<(), Fatal> {
    mount(&MOUNTS[1..])
}

fn mount(mounts: &[Mount]) -> Result<(), Fatal> {
    for mount in mounts {
        // If this fails, so does the mount, which reports the error.
        let _ = sys::mkdir(mount.path);
        match sys::mount(mount.kind, mount.path, mount.kind, mount.flags, mount.data) {
            Ok(()) | Err(Errno::BUSY) => {}
            Err(errno) => {
                let kind = Printable(mount.kind.to_bytes());
                return Err(Fatal::because(format_args!("cannot mount {kind}: {errno}")));
            }
        }
    }
    Ok(())
}

/// Moves the mounts into the new root.
pub fn move_all() -> Result<(), Fatal> {
    const TARGETS: [&CStr; 3] = [c"/mnt/proc", c"/mnt/dev", c"/mnt/sys"];
    for (mount, target) in MOUNTS.iter().zip(TARGETS) {
        sys::mount(mount.path, target, c"", mount_flag::MOVE, c"").map_err(|errno| {
            let path = Printable(mount.path.to_bytes());
            Fatal::because(format_args!(
                "cannot move {path} into the root file system: {errno}"
            ))
        })?;
    }
    Ok(())
}
