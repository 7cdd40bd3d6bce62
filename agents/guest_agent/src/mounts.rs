//! Mounts file systems.

use std::ffi::CStr;
use std::io;
use std::path::Path;

use rustix::mount::{self, UnmountFlags};

pub use rustix::mount::MountFlags;

/// Flags that disable set-user-id bits and device files.
pub const HIDDEN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Mounts a new file system.
pub fn mount(path: &Path, kind: &CStr, flags: MountFlags, data: &str) -> io::Result<()> {
    Ok(mount::mount(kind, path, kind, flags, data)?)
}

/// Bind-mounts a path at another one.
pub fn bind(from: &Path, to: &Path) -> io::Result<()> {
    Ok(mount::mount_bind(from, to)?)
}

/// Makes a path a mount.
pub fn bind_self(path: &Path) -> io::Result<()> {
    bind(path, path)
}

/// Changes the flags of a mount, but not of its file system.
pub fn set_flags(path: &Path, flags: MountFlags) -> io::Result<()> {
    set_options(path, MountFlags::BIND | flags, "")
}

/// Changes the options of a file system.
pub fn set_options(path: &Path, flags: MountFlags, data: &str) -> io::Result<()> {
    Ok(mount::mount_remount(path, flags, data)?)
}

/// Detaches a mount. Its open files stay open.
pub fn detach(path: &Path) -> io::Result<()> {
    Ok(mount::unmount(path, UnmountFlags::DETACH)?)
}

/// Returns the magic number of a file system.
pub fn magic(path: &Path) -> io::Result<i64> {
    Ok(rustix::fs::statfs(path)?.f_type)
}
