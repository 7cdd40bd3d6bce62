//! The root disk: mounting it, making it the root, and starting the agent on it.

use core::ffi::CStr;
use core::fmt::Write;

use tiny_init_logic::errno::meaning;
use tiny_init_logic::ledger::Ledger;
use tiny_init_logic::path::Path;
use tiny_init_logic::superblock::{self, FileSystem};
use tiny_init_logic::text::{Printable, Text};

use crate::fatal::{cannot, Fatal};
use crate::sys::{self, mount_flag, open, Errno, Fd};
use crate::{console, directory, mounts};

const AGENT: &CStr = c"/usr/local/bin/guest-agent";

/// Deepest folder of an initramfs that is deleted; ours has two levels.
const DEPTH: usize = 8;

/// Mounts the root disk on `/mnt`.
pub fn mount(disk: &Path, read_only: bool) -> Result<(), Fatal> {
    let name = Printable(disk.as_bytes());
    let mut block = [0; superblock::LENGTH];
    Fd::open(disk.as_c_str(), open::READ)
        .and_then(|file| file.read_at(&mut block, superblock::OFFSET))
        .map_err(|errno| Fatal::because(format_args!("cannot read {name}: {errno}")))?;
    let kind = FileSystem::of(&block)
        .ok_or_else(|| Fatal::because(format_args!("{name} holds neither ext4 nor EROFS")))?;
    let _ = sys::make_folder(c"/mnt");
    let mount = |read_only: bool| {
        let read_only = if read_only { mount_flag::RDONLY } else { 0 };
        let flags = mount_flag::NOATIME | read_only;
        sys::mount(disk.as_c_str(), c"/mnt", kind.kernel_name(), flags, c"")
    };
    match mount(read_only || !kind.writable()) {
        // A drive that the host gave without the right to write.
        Err(Errno::ACCES | Errno::ROFS) if !read_only => mount(true),
        result => result,
    }
    .map_err(|errno| Fatal::because(format_args!("cannot mount {name}: {errno}")))
}

/// Makes `/mnt` the root, and frees the memory that the initramfs holds.
pub fn switch() -> Result<(), Fatal> {
    let old = Fd::open(c"/", open::READ | open::DIRECTORY).map_err(cannot("open /"))?;
    mounts::move_all()?;
    let in_memory = is_memory(c"/");
    sys::change_folder(c"/mnt").map_err(cannot("enter /mnt"))?;
    sys::mount(c".", c"/", c"", mount_flag::MOVE, c"").map_err(cannot("move /mnt to /"))?;
    sys::change_root(c".").map_err(cannot("make /mnt the root"))?;
    sys::change_folder(c"/").map_err(cannot("enter the new root"))?;
    if in_memory {
        if let Ok(status) = old.status(c"") {
            free(&old, status.device, DEPTH);
        }
    }
    Ok(())
}

/// Starts the agent; returns only when that fails, with the line written.
pub fn execute_agent(ledger: &Ledger) -> Fatal {
    // Its name, an equals sign, a zero byte.
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
    console::hand_over();
    let errno = sys::execute(
        AGENT,
        &[AGENT.as_ptr(), core::ptr::null()].map(<*const _>::cast),
        &environment.map(<*const _>::cast),
    );
    Fatal::not_executed(errno, meaning(errno.0))
}

/// Returns whether a path is in memory. Deleting what is on a disk is the one mistake that cannot be undone.
fn is_memory(path: &CStr) -> bool {
    const RAMFS: u64 = 0x8584_58F6;
    const TMPFS: u64 = 0x0102_1994;
    matches!(sys::file_system(path), Ok(RAMFS | TMPFS))
}

/// Deletes what a folder holds, as far as it is on `device`: never what is mounted there.
fn free(folder: &Fd, device: u64, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let _ = directory::each(folder, |name| {
        let Ok(status) = folder.status(name) else {
            return;
        };
        if status.device != device {
            return;
        }
        if status.folder {
            let flags = open::READ | open::DIRECTORY | open::NOFOLLOW;
            if let Ok(inner) = folder.open_at(name, flags) {
                free(&inner, device, depth);
            }
        }
        // A file that stays costs memory, no more.
        let _ = folder.unlink(name, status.folder);
    });
}
