//! Mounts the root disk, makes it the root, and starts the agent.

use core::ffi::CStr;
use core::fmt::Write;

use tiny_init_logic::errno::meaning;
use tiny_init_logic::ledger::Ledger;
use tiny_init_logic::path::Path;
use tiny_init_logic::root::Root;
use tiny_init_logic::superblock::{self, FileSystem};
use tiny_init_logic::text::{Printable, Text};

use crate::fatal::{cannot, Fatal};
use crate::sys::{self, mount_flag, open, Errno, Fd};
use crate::{console, directory, mounts, snap};

const AGENT: &CStr = c"/usr/local/bin/guest-agent";

/// Depth of the directories of an initramfs that are deleted; ours has two levels.
const DEPTH: usize = 8;

/// Mounts the root on `/mnt`, from the root disk, memory and, if the plan needs it, the snap disk.
pub fn mount(disk: &Path, plan: Root, snap: Option<&Path>) -> Result<(), Fatal> {
    let _ = sys::mkdir(c"/mnt");
    if plan == Root::Disk {
        match mount_root_disk(disk, c"/mnt", Access::Write) {
            // The host attached the drive read-only, or its file system is read-only.
            Err(Failure::Mount(Errno::ACCES | Errno::ROFS)) => {}
            result => return result.map_err(|failure| failure.of(disk)),
        }
    }
    let _ = sys::mkdir(c"/base");
    mount_root_disk(disk, c"/base", Access::Read).map_err(|failure| failure.of(disk))?;
    match (plan, snap) {
        (Root::NewSnap, Some(snap)) => {
            snap::mount_writable(snap)?;
            overlay(c"lowerdir=/base,upperdir=/snap/upper,workdir=/snap/work")
        }
        (Root::Snap, Some(snap)) => {
            snap::mount_read_only(snap)?;
            mount_memory()?;
            overlay(c"lowerdir=/snap/upper:/base,upperdir=/memory/upper,workdir=/memory/work")
        }
        _ => {
            mount_memory()?;
            overlay(c"lowerdir=/base,upperdir=/memory/upper,workdir=/memory/work")
        }
    }
    .or_else(|errno| match (errno, snap) {
        // A kernel without overlays.
        (Errno::NODEV, None) => {
            log_fmt!("[init] the kernel has no overlays: the root is read-only");
            sys::mount(c"/base", c"/mnt", c"", mount_flag::BIND, c"")
        }
        _ => Err(errno),
    })
    .map_err(cannot("mount the overlay"))
}

/// The reason why the root disk is not mounted.
enum Failure {
    /// The kernel's reason.
    Mount(Errno),
    /// The disk cannot be read, or has another file system.
    Disk(Fatal),
}

impl Failure {
    fn of(self, disk: &Path) -> Fatal {
        match self {
            Self::Mount(errno) => not_mounted(disk)(errno),
            Self::Disk(reason) => reason,
        }
    }
}

/// Mounts the root disk, whichever file system it has.
///
/// Most have ext4. To read the superblock first would take code of the kernel that no boot needs otherwise, which an
/// emulator has to translate.
fn mount_root_disk(disk: &Path, target: &CStr, access: Access) -> Result<(), Failure> {
    let Err(errno) = mount_with(disk, target, FileSystem::Ext4, access, mount_flag::SILENT) else {
        return Ok(());
    };
    match kind(disk).map_err(Failure::Disk)? {
        FileSystem::Ext4 => Err(Failure::Mount(errno)),
        kind if access == Access::Write && !kind.writable() => Err(Failure::Mount(Errno::ROFS)),
        kind => mount_disk(disk, target, kind, access).map_err(Failure::Mount),
    }
}

/// The access to a disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read-only: the kernel does not write to it either.
    Read,
    /// Writable.
    Write,
}

/// Mounts a disk.
pub fn mount_disk(
    disk: &Path,
    target: &CStr,
    kind: FileSystem,
    access: Access,
) -> Result<(), Errno> {
    mount_with(disk, target, kind, access, 0)
}

fn mount_with(
    disk: &Path,
    target: &CStr,
    kind: FileSystem,
    access: Access,
    more: usize,
) -> Result<(), Errno> {
    let mut flags = more | mount_flag::NOATIME | mount_flag::NOSUID | mount_flag::NODEV;
    if access == Access::Read {
        // A read-only mount is not enough: the kernel could still write. Other machines may read the same disk, and a
        // snapshot of this machine may be restored with a fresh copy of it.
        Fd::open(disk.as_c_str(), open::READ)?.forbid_writes()?;
        flags |= mount_flag::RDONLY;
    }
    sys::mount(disk.as_c_str(), target, kind.kernel_name(), flags, c"")
}

/// Returns a function that converts an error number into the failure to mount a disk.
pub fn not_mounted(disk: &Path) -> impl Fn(Errno) -> Fatal + '_ {
    move |errno| {
        let name = Printable(disk.as_bytes());
        Fatal::because(format_args!("cannot mount {name}: {errno}"))
    }
}

fn kind(disk: &Path) -> Result<FileSystem, Fatal> {
    let name = Printable(disk.as_bytes());
    let mut block = [0; superblock::LENGTH];
    Fd::open(disk.as_c_str(), open::READ)
        .and_then(|file| file.read_at(&mut block, superblock::OFFSET))
        .map_err(|errno| Fatal::because(format_args!("cannot read {name}: {errno}")))?;
    FileSystem::of(&block)
        .ok_or_else(|| Fatal::because(format_args!("{name} holds neither ext4 nor EROFS")))
}

/// Mounts memory for writes to the root. The kernel limits its inodes to one for two pages of RAM.
fn mount_memory() -> Result<(), Fatal> {
    let _ = sys::mkdir(c"/memory");
    let flags = mount_flag::NOSUID | mount_flag::NODEV;
    sys::mount(c"root", c"/memory", c"tmpfs", flags, c"size=35%,mode=0755")
        .and_then(|()| sys::mkdir(c"/memory/upper"))
        .and_then(|()| sys::mkdir(c"/memory/work"))
        .map_err(cannot("mount /memory"))
}

fn overlay(data: &CStr) -> Result<(), Errno> {
    let flags = mount_flag::NOATIME | mount_flag::NOSUID | mount_flag::NODEV;
    sys::mount(c"overlay", c"/mnt", c"overlay", flags, data)
}

/// Makes `/mnt` the root, and frees the memory of a large initramfs.
pub fn switch() -> Result<(), Fatal> {
    let old = Fd::open(c"/", open::READ | open::DIRECTORY).map_err(cannot("open /"))?;
    mounts::move_all()?;
    let worth_freeing = is_worth_freeing(c"/");
    sys::chdir(c"/mnt").map_err(cannot("enter /mnt"))?;
    sys::mount(c".", c"/", c"", mount_flag::MOVE, c"").map_err(cannot("move /mnt to /"))?;
    sys::chroot(c".").map_err(cannot("make /mnt the root"))?;
    sys::chdir(c"/").map_err(cannot("enter the new root"))?;
    if worth_freeing {
        if let Ok(status) = old.status(c"") {
            free(&old, status.device, DEPTH);
        }
    }
    Ok(())
}

/// Starts the agent. Returns only if that fails, after logging the reason.
pub fn execute_agent(ledger: &Ledger) -> Fatal {
    // The ledger, its name, an equals sign and a zero byte.
    const ROOM: usize = Ledger::CAPACITY + Ledger::VARIABLE.len() + 2;
    let mut variable = Text::<ROOM>::new();
    let _ = write!(variable, "{}=", Ledger::VARIABLE);
    variable.push(ledger.as_bytes());
    variable.push(b"\0");
    let variable = CStr::from_bytes_until_nul(variable.as_bytes()).unwrap_or(c"");
    let environment = [
        c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".as_ptr(),
        c"HOME=/root".as_ptr(),
        variable.as_ptr(),
        core::ptr::null(),
    ];
    // Otherwise page faults read it, in which an emulated x86_64 processor has another state than in a system call: QEMU
    // would translate the code that reads a file again.
    if let Ok(agent) = Fd::open(AGENT, open::READ) {
        let _ = agent.read_ahead();
    }
    console::hand_over();
    let arguments = [AGENT.as_ptr(), core::ptr::null()].map(<*const _>::cast);
    // SAFETY: both lists end with a null pointer, and their strings with zero bytes.
    let errno = unsafe { sys::execute(AGENT, &arguments, &environment.map(<*const _>::cast)) };
    Fatal::not_executed(errno, meaning(errno.0))
}

/// Returns whether `free` should delete the files of a path: they are in memory, not on a disk, and take much of it.
///
/// The deletion of tiny-init alone frees 31 kB, with code that an emulator has to translate in each boot.
fn is_worth_freeing(path: &CStr) -> bool {
    const RAMFS: u64 = 0x8584_58F6;
    const TMPFS: u64 = 0x0102_1994;
    const LITTLE: u64 = 64 << 10;
    sys::file_system(path).is_ok_and(|status| {
        // `ramfs` does not count.
        matches!(status.kind, RAMFS | TMPFS) && status.used.is_none_or(|used| used > LITTLE)
    })
}

/// Deletes the entries of a directory that are on `device`, and leaves mounts alone.
fn free(directory: &Fd, device: u64, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let _ = directory::each(directory, &mut |name| {
        let Ok(status) = directory.status(name) else {
            return;
        };
        if status.device != device {
            return;
        }
        if status.directory {
            let flags = open::READ | open::DIRECTORY | open::NOFOLLOW;
            if let Ok(inner) = directory.open_at(name, flags) {
                free(&inner, device, depth);
            }
        }
        // A file that remains only costs memory.
        let _ = directory.unlink(name, status.directory);
    });
}
