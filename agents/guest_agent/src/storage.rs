//! Storage for user code: bounded file systems in memory, and the directory of packages.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{chown, symlink, DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::config::{Config, User, PACKAGES};
use crate::mounts::{self, MountFlags, HIDDEN};
use crate::sys;

/// Most entries of the image's home that the agent copies to the home in memory.
const SKELETON: usize = 1000;

/// A file system in memory for user code.
struct Memory {
    path: &'static str,
    /// Percentage of the machine's memory.
    percent: u64,
    flags: MountFlags,
    options: &'static str,
}

const TEMPORARY: Memory = Memory {
    path: "/tmp",
    percent: 50,
    flags: HIDDEN,
    options: "mode=1777,nr_inodes=16384",
};

// Python's multiprocessing and browsers create shared memory here.
const SHARED: Memory = Memory {
    path: "/dev/shm",
    percent: 40,
    flags: HIDDEN.union(MountFlags::NOEXEC),
    options: "mode=1777",
};

/// Mounts the storage. Failures are logged: most programs run without it.
pub fn set_up(config: &Config) {
    let total = sys::memory();
    for memory in [TEMPORARY, SHARED] {
        log_failure(memory.path, mount(&memory, total));
    }
    let home = &config.home;
    log_failure("the home", set_up_home(home, config.user, total));
    log_failure(PACKAGES, set_up_packages(Path::new(PACKAGES), config.user));
}

fn log_failure(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        log!("cannot set up {what}: {error}");
    }
}

/// Mounts a file system in memory, with a quota for each user if the kernel supports quotas.
fn mount(memory: &Memory, total: u64) -> io::Result<()> {
    let path = Path::new(memory.path);
    if !path.is_dir() {
        fs::create_dir(path)?;
    }
    let size = total * memory.percent / 100;
    let options = format!("size={size},{}", memory.options);
    let quota = format!("{options},usrquota,usrquota_block_hardlimit={size}");
    mounts::mount(path, c"tmpfs", memory.flags, &quota)
        .or_else(|_| mounts::mount(path, c"tmpfs", memory.flags, &options))
}

/// Mounts the home in memory, with a copy of the image's home.
///
/// If the root disk is writable, the host keeps it, and the home stays on it.
fn set_up_home(home: &Path, user: Option<User>, total: u64) -> io::Result<()> {
    if mounts::magic(Path::new("/"))? == libc::EXT4_SUPER_MAGIC && is_writable(home) {
        return mounts::bind_self(home).and_then(|()| mounts::set_flags(home, HIDDEN));
    }
    let image = File::open(home)?;
    let User { uid, gid } = user.unwrap_or(User { uid: 0, gid: 0 });
    let mode = image.metadata()?.mode() & 0o7777;
    let options = format!("mode={mode:o},uid={uid},gid={gid}");
    let memory = Memory {
        path: "/home/user",
        percent: 40,
        flags: HIDDEN,
        options: Box::leak(options.into_boxed_str()),
    };
    mount(&memory, total)?;
    let mut room = SKELETON;
    let from = PathBuf::from(format!("/proc/self/fd/{}", image.as_raw_fd()));
    copy(&from, home, &mut room)
}

fn is_writable(path: &Path) -> bool {
    let probe = path.join(".guest-agent");
    let written = fs::write(&probe, "").is_ok();
    written && fs::remove_file(&probe).is_ok()
}

/// Copies the content of a directory of the image.
fn copy(from: &Path, to: &Path, room: &mut usize) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        *room = (room.checked_sub(1)).ok_or_else(|| io::Error::other("too many files"))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let metadata = entry.metadata()?;
        if metadata.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if metadata.is_dir() {
            fs::create_dir(&target)?;
            copy(&source, &target, room)?;
        } else if metadata.is_file() {
            fs::copy(&source, &target)?;
        } else {
            continue;
        }
        std::os::unix::fs::lchown(&target, Some(metadata.uid()), Some(metadata.gid()))?;
        if !metadata.is_symlink() {
            fs::set_permissions(
                &target,
                fs::Permissions::from_mode(metadata.mode() & 0o7777),
            )?;
        }
    }
    Ok(())
}

/// Creates the directories of packages. Installers write to them as the user.
fn set_up_packages(packages: &Path, user: Option<User>) -> io::Result<()> {
    for path in ["", "python", "javascript"].map(|name| packages.join(name)) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&path)?;
        match user {
            Some(User { uid, gid }) if fs::metadata(&path)?.uid() != uid => {
                chown(&path, Some(uid), Some(gid))?;
            }
            _ => {}
        }
    }
    // As a separate mount, it stays writable when the root becomes read-only.
    mounts::bind_self(packages)?;
    mounts::set_flags(packages, HIDDEN)
}
