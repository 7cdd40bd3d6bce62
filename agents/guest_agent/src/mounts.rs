//! Mounts file systems.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::sys;

/// Flags that disable set-user-id bits and device files.
pub const HIDDEN: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;

/// Mounts a new file system.
pub fn mount(path: &Path, kind: &CStr, flags: libc::c_ulong, data: &str) -> io::Result<()> {
    call(Some(kind), path, Some(kind), flags, data)
}

/// Bind-mounts a path at another one.
pub fn bind(from: &Path, to: &Path) -> io::Result<()> {
    call(Some(&c_string(from)?), to, None, libc::MS_BIND, "")
}

/// Makes a path a mount.
pub fn bind_self(path: &Path) -> io::Result<()> {
    bind(path, path)
}

/// Changes the flags of a mount, but not of its file system.
pub fn set_flags(path: &Path, flags: libc::c_ulong) -> io::Result<()> {
    call(
        None,
        path,
        None,
        libc::MS_REMOUNT | libc::MS_BIND | flags,
        "",
    )
}

/// Changes the options of a file system.
pub fn set_options(path: &Path, flags: libc::c_ulong, data: &str) -> io::Result<()> {
    call(None, path, None, libc::MS_REMOUNT | flags, data)
}

/// Detaches a mount. Its open files stay open.
pub fn detach(path: &Path) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path ends with a zero byte.
    sys::check(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// Returns the magic number of a file system.
// C libraries differ in the number's type.
#[allow(clippy::unnecessary_cast)]
pub fn magic(path: &Path) -> io::Result<i64> {
    let path = c_string(path)?;
    // SAFETY: the path ends with a zero byte; the call fills a local structure.
    unsafe {
        let mut status: libc::statfs = std::mem::zeroed();
        sys::check(libc::statfs(path.as_ptr(), &mut status))?;
        Ok(status.f_type as i64)
    }
}

fn call(
    source: Option<&CStr>,
    target: &Path,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    data: &str,
) -> io::Result<()> {
    let target = c_string(target)?;
    let data = CString::new(data)?;
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: all strings end with a zero byte; the kernel accepts null for absent ones.
    let result = unsafe {
        libc::mount(
            pointer(source),
            target.as_ptr(),
            pointer(kind),
            flags,
            data.as_ptr().cast(),
        )
    };
    sys::check(result).map(drop)
}

fn c_string(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
