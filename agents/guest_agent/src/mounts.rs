//! Mounting file systems.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::sys;

/// Flags of mounts whose files give nobody rights or devices.
pub const HIDDEN: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;

/// Mounts a new file system of a kind.
pub fn mount(path: &Path, kind: &CStr, flags: libc::c_ulong, data: &str) -> io::Result<()> {
    call(Some(kind), path, Some(kind), flags, data)
}

/// Shows what is at one place at another one too.
pub fn bind(from: &Path, to: &Path) -> io::Result<()> {
    call(Some(&c_string(from)?), to, None, libc::MS_BIND, "")
}

/// Makes a place a mount of its own.
pub fn bind_self(path: &Path) -> io::Result<()> {
    bind(path, path)
}

/// Changes the flags of a mount, and not of the file system that it shows.
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

/// Takes a mount out of sight; files of it that are open stay.
pub fn detach(path: &Path) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path ends with a zero byte.
    sys::check(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// Returns the kind of a file system, as its magic number.
// C libraries differ in the number's type.
#[allow(clippy::unnecessary_cast)]
pub fn magic(path: &Path) -> io::Result<i64> {
    let path = c_string(path)?;
    // SAFETY: the path ends with a zero byte; the call fills a structure that lives here.
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
    // SAFETY: all strings end with a zero byte; null is what the kernel wants where there is none.
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
