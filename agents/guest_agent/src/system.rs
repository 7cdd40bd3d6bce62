//! What PID 1 of a root sets up: the parts of `/dev` and `/run` that programs expect.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::groups::Groups;
use crate::mounts::{self, HIDDEN};
use crate::sys;

/// Where the agent mounts control groups for a moment, before it takes them out of sight.
const GROUPS: &str = "/run/cgroup";

/// Path, kind, flags and options of mounts.
const MOUNTS: [(&str, &CStr, libc::c_ulong, &str); 2] = [
    // Terminals of programs that want one.
    (
        "/dev/pts",
        c"devpts",
        libc::MS_NOSUID | libc::MS_NOEXEC,
        "gid=5,mode=620,ptmxmode=666",
    ),
    // The agent's own directory, which user code cannot fill up.
    ("/run", c"tmpfs", HIDDEN, "mode=0755,size=32m"),
];

/// Links that shells and programs take for granted.
const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Sets up what the kernel and tiny-init left out. What fails is told: most programs run without.
pub fn set_up() {
    for (path, kind, flags, options) in MOUNTS {
        if let Err(error) = mount(Path::new(path), kind, flags, options) {
            log!("cannot mount {path}: {error}");
        }
    }
    for (target, path) in LINKS {
        match symlink(target, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                log!("cannot link {path}: {error}");
            }
            _ => {}
        }
    }
    if let Err(error) = set_host_name() {
        log!("cannot set the host name: {error}");
    }
    // Files that user code can read are what the agent makes, unless it says otherwise.
    // SAFETY: the call takes a number only.
    unsafe {
        libc::umask(0o022);
    }
}

/// Gives the kernel the name of `/etc/hostname`, unless its command line has given it another.
fn set_host_name() -> io::Result<()> {
    const KERNEL: &str = "/proc/sys/kernel/hostname";
    match fs::read("/etc/hostname") {
        Ok(name) if fs::read(KERNEL)? == b"(none)\n" => fs::write(KERNEL, name),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns where control groups of programs are made, if the kernel has what that needs.
///
/// User code can neither see nor reach them: they are mounted nowhere, and the agent has them open.
pub fn groups() -> Option<Groups> {
    let set_up = || {
        let path = Path::new(GROUPS);
        mount(path, c"cgroup2", HIDDEN | libc::MS_NOEXEC, "")?;
        let folder = File::open(path)?;
        mounts::detach(path)?;
        fs::remove_dir(path)?;
        // It stays open as long as the agent lives.
        let number = folder.into_raw_fd();
        Groups::set_up(Path::new(&format!("/proc/self/fd/{number}")))
    };
    set_up()
        .inspect_err(|error: &io::Error| {
            log!("what leaves its session outlives its request: {error}")
        })
        .ok()
}

/// Mounts a file system; the directory is created where there is none, which needs a root that can be written to.
fn mount(path: &Path, kind: &CStr, flags: libc::c_ulong, options: &str) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.is_dir() => {
            return Err(error)
        }
        _ => {}
    }
    match mounts::mount(path, kind, flags, options) {
        // It is mounted already.
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
        result => result,
    }
}

/// Sets the clock to nanoseconds since 1970.
pub fn set_clock(unix_ns: u64) -> io::Result<()> {
    let time = libc::timespec {
        tv_sec: (unix_ns / 1_000_000_000) as i64,
        tv_nsec: (unix_ns % 1_000_000_000) as libc::c_long,
    };
    // SAFETY: the kernel reads a structure that lives here.
    sys::check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &time) }).map(drop)
}

/// Switches the machine off, what was written being on the disk. Returns only if this process may not.
///
/// A machine that cannot be switched off is restarted, where hosts have the emulator end: the kernel would halt it
/// instead, without an error, and the host would wait for ever.
pub fn power_off() {
    // SAFETY: the calls take numbers only.
    unsafe {
        libc::sync();
        if can_power_off(Path::new("/sys")) {
            libc::reboot(libc::RB_POWER_OFF);
        }
        libc::reboot(libc::RB_AUTOBOOT);
    }
}

/// Returns whether the machine has something that switches it off: of x86 only ACPI does, of ARM the firmware always.
fn can_power_off(sys: &Path) -> bool {
    !cfg!(target_arch = "x86_64") || sys.join("firmware/acpi").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x86_without_acpi_cannot_power_off() {
        let sys = std::env::temp_dir().join(format!("sys-{}", std::process::id()));
        fs::create_dir_all(&sys).unwrap();
        assert_eq!(can_power_off(&sys), !cfg!(target_arch = "x86_64"));
        fs::create_dir_all(sys.join("firmware/acpi")).unwrap();
        assert!(can_power_off(&sys));
        fs::remove_dir_all(&sys).unwrap();
    }
}
