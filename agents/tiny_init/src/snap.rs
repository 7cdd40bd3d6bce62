//! The second disk, of serial `snap`: hosts keep what is installed on it, and give it to later guests.

use core::ffi::CStr;

use tiny_init_logic::path::Path;
use tiny_init_logic::snap::{Content, LENGTH};
use tiny_init_logic::superblock::FileSystem;
use tiny_init_logic::text::Printable;

use crate::fatal::{cannot, Fatal};
use crate::root::{mount_disk, not_mounted, Access};
use crate::sys::{self, mount_flag, open, Errno, Fd};

/// The program that makes the file system, in the image.
const PROGRAM: &CStr = c"/sbin/mkfs.ext4";

/// Mounts a disk that is written to on `/snap`, and makes its file system if it is blank.
pub fn mount_writable(disk: &Path) -> Result<(), Fatal> {
    if content(disk)? == Content::Blank {
        make_file_system(disk)?;
    }
    mount(disk, Access::Write)?;
    for folder in [c"/snap/upper", c"/snap/work"] {
        match sys::make_folder(folder) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(cannot("write to the snap disk")(errno)),
        }
    }
    Ok(())
}

/// Mounts a disk that must not be written to on `/snap`: many guests read the same file at once.
pub fn mount_read_only(disk: &Path) -> Result<(), Fatal> {
    if content(disk)? == Content::Blank {
        let name = Printable(disk.as_bytes());
        return Err(Fatal::because(format_args!(
            "the snap disk {name} is blank; init.rw=1 makes its file system"
        )));
    }
    mount(disk, Access::Read)
}

fn mount(disk: &Path, access: Access) -> Result<(), Fatal> {
    let _ = sys::make_folder(c"/snap");
    mount_disk(disk, c"/snap", FileSystem::Ext4, access).map_err(not_mounted(disk))
}

/// Returns what the disk holds: nothing, or ext4.
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

/// Makes an ext4 file system with the image's own program: the initramfs has none.
fn make_file_system(disk: &Path) -> Result<(), Fatal> {
    sys::mount(c"/dev", c"/base/dev", c"", mount_flag::BIND, c"")
        .map_err(cannot("show the image its devices"))?;
    let status = sys::run(|| execute(disk)).map_err(cannot("start a process"))?;
    let _ = sys::unmount(c"/base/dev");
    if status == 0 {
        return Ok(());
    }
    Err(Fatal::because(format_args!(
        "cannot make a file system on the snap disk: the image's /sbin/mkfs.ext4 failed with wait status {status}"
    )))
}

/// Executes the program in the image. Returns the exit code of a failure.
fn execute(disk: &Path) -> i32 {
    const FAILED: i32 = 127;
    if sys::change_root(c"/base").is_err() || sys::change_folder(c"/").is_err() {
        return FAILED;
    }
    // No journal and no reserve: the disk is thrown away if the guest fails. The disk is blank, so nothing has to be
    // written for what is unused. The same disk always gets the same bytes.
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
