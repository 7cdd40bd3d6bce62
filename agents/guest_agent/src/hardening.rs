//! What user code must not see, nor change, although its user's rights alone would let it.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use crate::mounts::{self, HIDDEN};

const FIXED: libc::c_ulong = HIDDEN | libc::MS_RDONLY;

/// Settings of the kernel. A kernel that lacks one lacks what it is about.
const SETTINGS: [(&str, &str); 12] = [
    ("fs/protected_fifos", "2"),
    ("fs/protected_hardlinks", "1"),
    ("fs/protected_regular", "2"),
    ("fs/protected_symlinks", "1"),
    ("kernel/dmesg_restrict", "1"),
    ("kernel/kptr_restrict", "2"),
    ("kernel/perf_event_paranoid", "3"),
    // Room for what the user may have, and for the kernel's own.
    ("kernel/threads-max", "1200"),
    ("kernel/unprivileged_bpf_disabled", "2"),
    ("kernel/yama/ptrace_scope", "2"),
    // `ping` works without privileges, which user code cannot get.
    ("net/ipv4/ping_group_range", "0 2147483647"),
    ("user/max_user_namespaces", "0"),
];

/// Files that tell of the machine and of what others do.
const MASKED: [&str; 6] = [
    "/proc/cmdline",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/version",
];

/// Hardens the guest, after all mounts of the agent's own. A failure is logged.
pub fn set_up() {
    for (what, result) in [
        ("/etc/resolv.conf", replace_resolver()),
        ("the kernel's settings", write_settings()),
        ("/dev", close_devices(Path::new("/dev"))),
        ("/proc", close_proc()),
        ("the root", close_root()),
    ] {
        if let Err(error) = result {
            log!("cannot harden {what}: {error}");
        }
    }
}

/// Puts the resolver's configuration where it can be written to, on a root that cannot.
fn replace_resolver() -> io::Result<()> {
    let path = Path::new("/etc/resolv.conf");
    if !path.exists() {
        return Ok(());
    }
    let own = Path::new(crate::network::OWN_RESOLVER);
    fs::write(own, fs::read(path)?)?;
    mounts::bind(own, path)?;
    mounts::set_flags(path, FIXED | libc::MS_NOEXEC)
}

fn write_settings() -> io::Result<()> {
    for (name, value) in SETTINGS {
        let path = format!("/proc/sys/{name}");
        match fs::write(&path, value) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log!("cannot write {value} to {path}: {error}");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes what leads to disks, and makes the rest as it stays.
fn close_devices(dev: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dev)? {
        let entry = entry?;
        // Nothing opens them by name any more: what is mounted, or swapped to, is open.
        if entry.file_type()?.is_block_device() {
            fs::remove_file(entry.path())?;
        }
    }
    for name in ["random", "urandom"] {
        fs::set_permissions(dev.join(name), fs::Permissions::from_mode(0o644))?;
    }
    mounts::set_flags(dev, libc::MS_NOSUID | libc::MS_NOEXEC | libc::MS_RDONLY)
}

fn close_proc() -> io::Result<()> {
    let (path, settings) = (Path::new("/proc"), Path::new("/proc/sys"));
    let flags = HIDDEN | libc::MS_NOEXEC;
    // Other users' processes are not there for the user, the agent among them.
    mounts::set_options(path, flags, "hidepid=2")?;
    mounts::bind_self(settings)?;
    mounts::set_flags(settings, flags | libc::MS_RDONLY)?;
    for path in MASKED.map(Path::new) {
        if path.exists() {
            mounts::bind(Path::new("/dev/null"), path)?;
        }
    }
    Ok(())
}

/// Makes the root read-only, and programs by mounts of their own.
fn close_root() -> io::Result<()> {
    mounts::set_flags(Path::new("/sys"), FIXED | libc::MS_NOEXEC)?;
    for name in ["/usr", "/bin", "/sbin"] {
        // The mount of a link is the one of its target.
        if let Ok(path) = fs::canonicalize(name) {
            mounts::bind_self(&path)?;
            mounts::set_flags(&path, FIXED)?;
        }
    }
    mounts::set_flags(Path::new("/"), FIXED)
}
