//! Where user code writes: file systems in memory that it cannot fill beyond their bounds, and the place of packages.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{chown, symlink, DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::mounts::{self, HIDDEN};
use crate::settings::{Settings, User, PACKAGES};
use crate::sys;

/// Most entries of a home of the image that are copied to the home in memory.
const SKELETON: usize = 1000;

/// A file system in memory for user code.
struct Memory {
    path: &'static str,
    /// Of the machine's memory.
    percent: u64,
    flags: libc::c_ulong,
    options: &'static str,
}

const TEMPORARY: Memory = Memory {
    path: "/tmp",
    percent: 50,
    flags: HIDDEN,
    options: "mode=1777,nr_inodes=16384",
};

// Python's multiprocessing and browsers share memory there.
const SHARED: Memory = Memory {
    path: "/dev/shm",
    percent: 40,
    flags: HIDDEN | libc::MS_NOEXEC,
    options: "mode=1777",
};

/// Mounts what user code writes to. A failure is logged: most programs run without.
pub fn set_up(settings: &Settings) {
    let total = sys::memory();
    for memory in [TEMPORARY, SHARED] {
        tell(memory.path, mount(&memory, total));
    }
    let home = &settings.home;
    tell("the home", set_up_home(home, settings.user, total));
    tell(
        PACKAGES,
        set_up_packages(Path::new(PACKAGES), settings.user),
    );
}

fn tell(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        log!("cannot set up {what}: {error}");
    }
}

/// Mounts a file system in memory, with a quota for each user, where the kernel has quotas.
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

/// Mounts the home in memory, with what the image's home holds.
///
/// A host that keeps the root disk keeps the home with it, so there it stays on the disk.
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

/// Copies what a directory of the image holds.
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

/// Makes the directories of packages, which installers write to as the user.
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
    // The root becomes read-only; this does not.
    mounts::bind_self(packages)?;
    mounts::set_flags(packages, HIDDEN)
}
