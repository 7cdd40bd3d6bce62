//! Sets up the parts of `/dev` and `/run` that programs expect, and switches the machine off.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::Mode;
use rustix::system::RebootCommand;
use rustix::time::{ClockId, Timespec};

use crate::groups::Groups;
use crate::mounts::{self, MountFlags, HIDDEN};

/// Temporary mount point of control groups.
const GROUPS: &str = "/run/cgroup";

/// Path, type, flags and options of mounts.
const MOUNTS: [(&str, &CStr, MountFlags, &str); 2] = [
    // Terminals for programs.
    (
        "/dev/pts",
        c"devpts",
        MountFlags::NOSUID.union(MountFlags::NOEXEC),
        "gid=5,mode=620,ptmxmode=666",
    ),
    // For the agent. User code cannot fill it up.
    ("/run", c"tmpfs", HIDDEN, "mode=0755,size=32m"),
];

/// Links that shells and programs expect.
const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Sets up mounts, links, host name and umask. Failures are logged: most programs run without them.
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
    // By default, new files of the agent are readable for user code.
    rustix::process::umask(Mode::from_raw_mode(0o022));
}

/// Sets the host name of `/etc/hostname`, unless the kernel's command line has set one.
fn set_host_name() -> io::Result<()> {
    const KERNEL: &str = "/proc/sys/kernel/hostname";
    match fs::read("/etc/hostname") {
        Ok(name) if fs::read(KERNEL)? == b"(none)\n" => fs::write(KERNEL, name),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Sets up control groups for programs, if the kernel supports them.
///
/// User code cannot see or reach them: the agent detaches the mount and keeps it open.
pub fn groups() -> Option<Groups> {
    let set_up = || {
        let path = Path::new(GROUPS);
        mount_groups(|options| mount(path, c"cgroup2", HIDDEN | MountFlags::NOEXEC, options))?;
        let directory = File::open(path)?;
        mounts::detach(path)?;
        fs::remove_dir(path)?;
        // The file stays open as long as the agent runs.
        let number = directory.into_raw_fd();
        Groups::set_up(Path::new(&format!("/proc/self/fd/{number}")))
    };
    set_up()
        .inspect_err(|error: &io::Error| {
            log!("no control groups, so processes that leave their session outlive their request: {error}")
        })
        .ok()
}

/// Mounts control groups so that a program joins its group at once.
///
/// A process that joins a group waits for a grace period of the kernel otherwise, which is as long as all else that
/// starting a program takes. Kernels before 6.0 do not know the option.
fn mount_groups(mount: impl Fn(&str) -> io::Result<()>) -> io::Result<()> {
    match mount("favordynmods") {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => mount(""),
        result => result,
    }
}

/// Mounts a file system, and creates the directory if it is missing and the root is writable.
fn mount(path: &Path, kind: &CStr, flags: MountFlags, options: &str) -> io::Result<()> {
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
    let time = Timespec {
        tv_sec: (unix_ns / 1_000_000_000) as i64,
        tv_nsec: (unix_ns % 1_000_000_000) as i64,
    };
    Ok(rustix::time::clock_settime(ClockId::Realtime, time)?)
}

/// Writes all data to the disks and switches the machine off. Returns only if this process may not.
///
/// A machine that cannot switch itself off is restarted instead, upon which hosts let the emulator end. Otherwise the
/// kernel would halt it without an error, and the host would wait forever.
pub fn power_off() {
    rustix::fs::sync();
    if can_power_off(Path::new("/sys")) {
        let _ = rustix::system::reboot(RebootCommand::PowerOff);
    }
    let _ = rustix::system::reboot(RebootCommand::Restart);
}

/// Returns whether the machine can switch itself off: on x86 only with ACPI, on ARM always, by the firmware.
fn can_power_off(sys: &Path) -> bool {
    !cfg!(target_arch = "x86_64") || sys.join("firmware/acpi").exists()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn can_power_off_requires_acpi_on_x86() {
        let sys = std::env::temp_dir().join(format!("sys-{}", std::process::id()));
        fs::create_dir_all(&sys).unwrap();
        assert_eq!(can_power_off(&sys), !cfg!(target_arch = "x86_64"));
        fs::create_dir_all(sys.join("firmware/acpi")).unwrap();
        assert!(can_power_off(&sys));
        fs::remove_dir_all(&sys).unwrap();
    }

    #[test]
    fn groups_are_mounted_without_what_an_old_kernel_does_not_know() {
        let asked = RefCell::new(Vec::new());
        let mount = |knows: &str, options: &str| {
            asked.borrow_mut().push(options.to_owned());
            match options == knows {
                true => Ok(()),
                false => Err(io::Error::from_raw_os_error(libc::EINVAL)),
            }
        };
        mount_groups(|options| mount("favordynmods", options)).unwrap();
        mount_groups(|options| mount("", options)).unwrap();
        assert_eq!(*asked.borrow(), ["favordynmods", "favordynmods", ""]);
    }

    #[test]
    fn groups_that_cannot_be_mounted_are_an_error() {
        let refuse = |_: &str| Err(io::Error::from_raw_os_error(libc::EPERM));
        let error = mount_groups(refuse).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    }
}
