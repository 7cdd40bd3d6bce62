//! What PID 1 of a root sets up: the parts of `/dev` and `/run` that programs expect.

use std::ffi::CStr;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::groups::Groups;
use crate::sys;

struct Mount {
    path: &'static CStr,
    kind: &'static CStr,
    flags: libc::c_ulong,
    data: &'static CStr,
}

const GROUPS: &CStr = c"/sys/fs/cgroup";

const MOUNTS: [Mount; 4] = [
    // Python's multiprocessing and browsers share memory there.
    Mount {
        path: c"/dev/shm",
        kind: c"tmpfs",
        flags: libc::MS_NOSUID | libc::MS_NODEV,
        data: c"mode=1777,size=50%",
    },
    // Terminals of programs that want one.
    Mount {
        path: c"/dev/pts",
        kind: c"devpts",
        flags: libc::MS_NOSUID | libc::MS_NOEXEC,
        data: c"gid=5,mode=620,ptmxmode=666",
    },
    // Control groups, so that nothing which user code starts outlives its request.
    Mount {
        path: GROUPS,
        kind: c"cgroup2",
        flags: libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC,
        data: c"",
    },
    // The agent's own folder, which user code cannot fill up.
    Mount {
        path: c"/run",
        kind: c"tmpfs",
        flags: libc::MS_NOSUID | libc::MS_NODEV,
        data: c"mode=0755,size=32m",
    },
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
    for mount in &MOUNTS {
        if let Err(error) = mount_one(mount) {
            log!("cannot mount {}: {error}", mount.path.to_string_lossy());
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
    // Files that user code can read are what the agent makes, unless it says otherwise.
    // SAFETY: the call takes a number only.
    unsafe {
        libc::umask(0o022);
    }
}

/// Returns where control groups of programs are made, if the kernel has what that needs.
pub fn groups() -> Option<Groups> {
    Groups::set_up(OsStr::from_bytes(GROUPS.to_bytes()).as_ref())
        .inspect_err(|error| log!("what leaves its session outlives its request: {error}"))
        .ok()
}

fn mount_one(mount: &Mount) -> io::Result<()> {
    let path = mount.path.to_string_lossy();
    // On a root that cannot be written to the folder must be there.
    if let Err(error) = fs::create_dir(&*path) {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
    }
    // SAFETY: all strings end with a zero byte.
    let result = unsafe {
        libc::mount(
            mount.kind.as_ptr(),
            mount.path.as_ptr(),
            mount.kind.as_ptr(),
            mount.flags,
            mount.data.as_ptr().cast(),
        )
    };
    match sys::check(result) {
        // It is mounted already.
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
        result => result.map(drop),
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
