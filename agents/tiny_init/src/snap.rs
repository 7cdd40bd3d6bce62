//! The snap disk, whose serial is `snap`. Hosts keep installed packages on it, and attach it to later guests.

use core::ffi::CStr;

use tiny_init_logic::path::Path;
use tiny_init_logic::snap::{Content, LENGTH};
use tiny_init_logic::superblock::FileSystem;
use tiny_init_logic::text::Printable;

use crate::fatal::{cannot, Fatal};
use crate::root::{mount_disk, not_mounted, Access};
use crate::sys::{self, mount_flag, open, Errno, Fd};

/// The program of the image that creates the file system.
const PROGRAM: &CStr = c"/sbin/mkfs.ext4";

/// Mounts the disk writable on `/snap`, and creates its file system if it is blank.
pub fn mount_writable(disk: &Path) -> Result<(), Fatal> {
    if content(disk)? == Content::Blank {
        make_file_system(disk)?;
    }
    mount(disk, Access::Write)?;
    for directory in [c"/snap/upper", c"/snap/work"] {
        match sys::mkdir(directory) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(cannot("write to the snap disk")(errno)),
        }
    }
    Ok(())
}

/// Mounts the disk read-only on `/snap`: many guests read the same disk at once.
pub fn mount_read_only(disk: &Path) -> Result<(), Fatal> {
    if content(disk)? == Content::Blank {
        let name = Printable(disk.as_bytes());
        return Err(Fatal::because(format_args!(
            "the snap disk {name} is blank; init.rw=1 creates its file system"
        )));
    }
    mount(disk, Access::Read)
}

fn mount(disk: &Path, access: Access) -> Result<(), Fatal> {
    let _ = sys::mkdir(c"/snap");
    mount_disk(disk, c"/snap", FileSystem::Ext4, access).map_err(not_mounted(disk))
}

/// Returns whether the disk is blank or contains ext4.
fn content(disk: &Path) -> Result<Content, Fatal> {
    let mut bytes = [0; LENGTH];
    Fd::open(disk.as_c_str(), open::READ)
        .and_then(|file| file.read_at(&mut bytes, 0))
        .map_err(cannot("read the snap disk"))?;
    match Content::of(&bytes) {
        Content::Other => {
            let name = Printable(disk.as_bytes());
            Err(Fatal::because(format_args!(
                "the snap disk {name} holds something other than ext4"
            )))
        }
        content => Ok(content),
    }
}

/// Creates an ext4 file system with the program of the image: the initramfs has none.
fn make_file_system(disk: &Path) -> Result<(), Fatal> {
    sys::mount(c"/dev", c"/base/dev", c"", mount_flag::BIND, c"")
        .map_err(cannot("bind /dev into the image"))?;
    let status = sys::run(|| execute(disk)).map_err(cannot("start a process"))?;
    let _ = sys::unmount(c"/base/dev");
    if status == 0 {
        return Ok(());
    }
    Err(Fatal::because(format_args!(
        "cannot create a file system on the snap disk: the image's /sbin/mkfs.ext4 failed with wait status {status}"
    )))
}

/// Executes the program in the image. Returns only if that fails, with an exit code.
fn execute(disk: &Path) -> i32 {
    const FAILED: i32 = 127;
    if sys::chroot(c"/base").is_err() || sys::chdir(c"/").is_err() {
        return FAILED;
    }
    // No journal and no reserved blocks: the host discards the disk if the guest fails. The disk is blank, so mkfs need
    // not clear unused blocks. The fixed identifiers make the bytes reproducible.
    let arguments = [
        PROGRAM.as_ptr(),
        c"-qF".as_ptr(),
        c"-m0".as_ptr(),
        c"-i8192".as_ptr(),
        c"-O^has_journal".as_ptr(),
        c"-U5eed5eed-0000-4000-8000-000000000000".as_ptr(),
        c"-Enodiscard,assume_storage_prezeroed=1,hash_seed=5eed5eed-0000-4000-8000-000000000001"
            .as_ptr(),
        disk.as_c_str().as_ptr(),
        core::ptr::null(),
    ];
    let environment = [
        c"PATH=/usr/sbin:/usr/bin".as_ptr(),
        c"SOURCE_DATE_EPOCH=1".as_ptr(),
        core::ptr::null(),
    ];
    // SAFETY: both lists end with a null pointer, and their strings with zero bytes.
    let errno = unsafe {
        sys::execute(
            PROGRAM,
            &arguments.map(<*const _>::cast),
            &environment.map(<*const _>::cast),
        )
    };
    log_fmt!("[init] cannot execute the image's /sbin/mkfs.ext4: {errno}");
    FAILED
}
