//! Hides and protects parts of the guest to which the permissions of the user alone would give access.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use crate::mounts::{self, MountFlags, HIDDEN};

const FIXED: MountFlags = HIDDEN.union(MountFlags::RDONLY);

/// Kernel settings. A kernel without a setting does not have its feature.
const SETTINGS: [(&str, &str); 12] = [
    ("fs/protected_fifos", "2"),
    ("fs/protected_hardlinks", "1"),
    ("fs/protected_regular", "2"),
    ("fs/protected_symlinks", "1"),
    ("kernel/dmesg_restrict", "1"),
    ("kernel/kptr_restrict", "2"),
    ("kernel/perf_event_paranoid", "3"),
    // The limit of the user, and room for kernel threads.
    ("kernel/threads-max", "1200"),
    ("kernel/unprivileged_bpf_disabled", "2"),
    ("kernel/yama/ptrace_scope", "2"),
    // Lets `ping` work without privileges, which user code cannot get.
    ("net/ipv4/ping_group_range", "0 2147483647"),
    ("user/max_user_namespaces", "0"),
];

/// Files that reveal facts about the machine and other users.
const MASKED: [&str; 6] = [
    "/proc/cmdline",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/version",
];

/// Hardens the guest. Call this after all other mounts. Failures are logged.
pub fn set_up() {
    for (what, result) in [
        ("/etc/resolv.conf", replace_resolver()),
        ("kernel settings", write_settings()),
        ("/dev", close_devices(Path::new("/dev"))),
        ("/proc", close_proc()),
        ("the root", close_root()),
    ] {
        if let Err(error) = result {
            log!("cannot harden {what}: {error}");
        }
    }
}

/// Moves the resolver's configuration to a writable file, because the root becomes read-only.
fn replace_resolver() -> io::Result<()> {
    let path = Path::new("/etc/resolv.conf");
    if !path.exists() {
        return Ok(());
    }
    let own = Path::new(crate::network::OWN_RESOLVER);
    fs::write(own, fs::read(path)?)?;
    mounts::bind(own, path)?;
    mounts::set_flags(path, FIXED | MountFlags::NOEXEC)
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

/// Removes the nodes of disks, and makes `/dev` read-only.
fn close_devices(dev: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dev)? {
        let entry = entry?;
        // Mounts and swap keep their devices open, so nothing needs the nodes any more.
        if entry.file_type()?.is_block_device() {
            fs::remove_file(entry.path())?;
        }
    }
    for name in ["random", "urandom"] {
        fs::set_permissions(dev.join(name), fs::Permissions::from_mode(0o644))?;
    }
    mounts::set_flags(
        dev,
        MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::RDONLY,
    )
}

fn close_proc() -> io::Result<()> {
    let (path, settings) = (Path::new("/proc"), Path::new("/proc/sys"));
    let flags = HIDDEN | MountFlags::NOEXEC;
    // Hides processes of other users, including the agent.
    mounts::set_options(path, flags, "hidepid=2")?;
    mounts::bind_self(settings)?;
    mounts::set_flags(settings, flags | MountFlags::RDONLY)?;
    for path in MASKED.map(Path::new) {
        if path.exists() {
            mounts::bind(Path::new("/dev/null"), path)?;
        }
    }
    Ok(())
}

/// Makes the root read-only, and the directories of programs read-only mounts.
fn close_root() -> io::Result<()> {
    mounts::set_flags(Path::new("/sys"), FIXED | MountFlags::NOEXEC)?;
    for name in ["/usr", "/bin", "/sbin"] {
        // Mount the target of a link.
        if let Ok(path) = fs::canonicalize(name) {
            mounts::bind_self(&path)?;
            mounts::set_flags(&path, FIXED)?;
        }
    }
    mounts::set_flags(Path::new("/"), FIXED)
}
