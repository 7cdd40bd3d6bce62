//! Functions for system calls.

use core::ffi::CStr;
use core::fmt;
use core::mem::ManuallyDrop;

use crate::syscall::{call, number};

/// An error number of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    /// No such file or directory.
    pub const NOENT: Self = Self(2);
    /// Try again later.
    pub const AGAIN: Self = Self(11);
    /// No permission; for a disk: it is read-only.
    pub const ACCES: Self = Self(13);
    /// In use; for a mount: it exists already.
    pub const BUSY: Self = Self(16);
    /// It exists already.
    pub const EXIST: Self = Self(17);
    /// Larger than the buffer for it.
    pub const FBIG: Self = Self(27);
    /// The kernel does not support it.
    pub const NODEV: Self = Self(19);
    /// It is read-only.
    pub const ROFS: Self = Self(30);
}

impl fmt::Display for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "errno={}", self.0)
    }
}

/// The result of a system call.
pub type Result<T> = core::result::Result<T, Errno>;

/// Flags of `open`. Flags without a `cfg` are the same on both architectures.
pub mod open {
    /// For reading.
    pub const READ: usize = 0;
    /// For writing.
    pub const WRITE: usize = 1;
    /// For both.
    pub const READ_WRITE: usize = 2;
    /// Does not make a terminal the controlling terminal.
    pub const NOCTTY: usize = 0o400;
    /// Does not block.
    pub const NONBLOCK: usize = 0o4000;
    /// Closes the file on exec.
    pub const CLOEXEC: usize = 0o2_000_000;
    /// Directories only.
    #[cfg(target_arch = "x86_64")]
    pub const DIRECTORY: usize = 0o200_000;
    /// Directories only.
    #[cfg(target_arch = "aarch64")]
    pub const DIRECTORY: usize = 0o40_000;
    /// Does not follow a symbolic link.
    #[cfg(target_arch = "x86_64")]
    pub const NOFOLLOW: usize = 0o400_000;
    /// Does not follow a symbolic link.
    #[cfg(target_arch = "aarch64")]
    pub const NOFOLLOW: usize = 0o100_000;
}

/// Flags of `mount`.
pub mod mount_flag {
    /// Read-only.
    pub const RDONLY: usize = 1;
    /// Ignores set-user-id bits.
    pub const NOSUID: usize = 2;
    /// No device files.
    pub const NODEV: usize = 4;
    /// No execution of programs.
    pub const NOEXEC: usize = 8;
    /// Logs nothing if the disk has another file system.
    pub const SILENT: usize = 32768;
    /// Does not update access times.
    pub const NOATIME: usize = 1024;
    /// Mounts an existing directory or file at another path.
    pub const BIND: usize = 4096;
    /// Moves a mount.
    pub const MOVE: usize = 8192;
}

const AT_FDCWD: usize = -100_isize as usize;
const AT_REMOVEDIR: usize = 0x200;
const AT_SYMLINK_NOFOLLOW: usize = 0x100;

/// An open file.
pub struct Fd(i32);

impl Fd {
    /// Opens a file, with close-on-exec.
    pub fn open(path: &CStr, flags: usize) -> Result<Self> {
        open_at(AT_FDCWD, path, flags)
    }

    /// Opens a file of this directory, with close-on-exec.
    pub fn open_at(&self, name: &CStr, flags: usize) -> Result<Self> {
        open_at(self.argument(), name, flags)
    }

    /// Returns standard error, which stays open.
    pub fn standard_error() -> ManuallyDrop<Self> {
        ManuallyDrop::new(Self(2))
    }

    /// Opens `/` as file descriptors 0, 1 and 2, if the kernel could not open a console for them.
    ///
    /// Otherwise the next opened file would get such a number, and the console would replace it.
    pub fn ensure_stdio_fds() {
        while let Ok(root) = Self::open(c"/", open::READ | open::DIRECTORY) {
            if root.number() > 2 {
                break;
            }
            core::mem::forget(root);
        }
    }

    /// Reads with one call.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        // SAFETY: the kernel writes into `buffer` alone, no further than its length.
        unsafe {
            check(call(
                number::READ,
                [
                    self.argument(),
                    buffer.as_mut_ptr() as usize,
                    buffer.len(),
                    0,
                    0,
                    0,
                ],
            ))
        }
    }

    /// Reads with one call, from `offset` on.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let (pointer, length) = (buffer.as_mut_ptr() as usize, buffer.len());
        // SAFETY: the kernel writes into `buffer` alone, no further than its length.
        unsafe {
            check(call(
                number::PREAD64,
                [self.argument(), pointer, length, offset as usize, 0, 0],
            ))
        }
    }

    /// Writes with one call.
    pub fn write(&self, bytes: &[u8]) -> Result<usize> {
        // SAFETY: the kernel reads `bytes` alone.
        unsafe {
            check(call(
                number::WRITE,
                [
                    self.argument(),
                    bytes.as_ptr() as usize,
                    bytes.len(),
                    0,
                    0,
                    0,
                ],
            ))
        }
    }

    /// Reads entries of this directory, in the kernel's format.
    pub fn entries(&self, buffer: &mut [u8]) -> Result<usize> {
        // SAFETY: the kernel writes into `buffer` alone, no further than its length.
        unsafe {
            check(call(
                number::GETDENTS64,
                [
                    self.argument(),
                    buffer.as_mut_ptr() as usize,
                    buffer.len(),
                    0,
                    0,
                    0,
                ],
            ))
        }
    }

    /// Loads this file as a kernel module.
    pub fn load_module(&self) -> Result<()> {
        // SAFETY: the parameters are an empty static string.
        unsafe {
            check(call(
                number::FINIT_MODULE,
                [self.argument(), c"".as_ptr() as usize, 0, 0, 0, 0],
            ))
        }
        .map(drop)
    }

    /// Removes an entry of this directory.
    pub fn unlink(&self, name: &CStr, directory: bool) -> Result<()> {
        let flags = if directory { AT_REMOVEDIR } else { 0 };
        // SAFETY: `name` ends with a zero byte.
        unsafe {
            check(call(
                number::UNLINKAT,
                [self.argument(), name.as_ptr() as usize, flags, 0, 0, 0],
            ))
        }
        .map(drop)
    }

    /// Returns the status of an entry of this directory; an empty name means the directory itself.
    pub fn status(&self, name: &CStr) -> Result<Status> {
        const AT_EMPTY_PATH: usize = 0x1000;
        const STATX_TYPE: usize = 1;
        let mut raw = [0_u64; 32];
        let flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
        // SAFETY: `name` ends with a zero byte; the kernel writes the 256 bytes of a `struct statx`.
        unsafe {
            check(call(
                number::STATX,
                [
                    self.argument(),
                    name.as_ptr() as usize,
                    flags,
                    STATX_TYPE,
                    raw.as_mut_ptr() as usize,
                    0,
                ],
            ))?;
        }
        // Both architectures are little-endian. stx_mode is at offset 28 of the structure, the device numbers at 136.
        let mode = (raw[3] >> 32) as u16;
        Ok(Status {
            directory: mode & 0o170_000 == 0o040_000,
            device: raw[17],
        })
    }

    /// Returns whether this is a terminal whose hardware exists.
    pub fn is_terminal(&self) -> bool {
        const TCGETS: usize = 0x5401;
        let mut settings = [0_u8; 64];
        self.ioctl(TCGETS, settings.as_mut_ptr() as usize).is_ok()
    }

    /// Returns the number of bytes that a terminal has not sent yet.
    pub fn unsent(&self) -> Result<i32> {
        const TIOCOUTQ: usize = 0x5411;
        let mut count = 0_i32;
        self.ioctl(TIOCOUTQ, &raw mut count as usize)?;
        Ok(count)
    }

    /// Makes this disk read-only for the whole kernel.
    pub fn forbid_writes(&self) -> Result<()> {
        const BLKROSET: usize = 0x125D;
        let yes = 1_i32;
        self.ioctl(BLKROSET, &raw const yes as usize).map(drop)
    }

    /// Starts to read the whole file into memory.
    pub fn read_ahead(&self) -> Result<()> {
        const WILLNEED: usize = 3;
        // SAFETY: the call takes numbers only: an offset and a length, of which zero means up to the end.
        unsafe {
            check(call(
                number::FADVISE64,
                [self.argument(), 0, 0, WILLNEED, 0, 0],
            ))
        }
        .map(drop)
    }

    /// Duplicates this file descriptor, without close-on-exec.
    pub fn duplicate_to(&self, number: i32) -> Result<()> {
        // SAFETY: the call takes numbers only.
        unsafe {
            check(call(
                number::DUP3,
                [self.argument(), number as usize, 0, 0, 0, 0],
            ))
        }
        .map(drop)
    }

    /// Makes reads and writes block.
    pub fn set_blocking(&self) -> Result<()> {
        const F_SETFL: usize = 4;
        // SAFETY: the call takes numbers only.
        unsafe { check(call(number::FCNTL, [self.argument(), F_SETFL, 0, 0, 0, 0])) }.map(drop)
    }

    /// Returns the number.
    pub fn number(&self) -> i32 {
        self.0
    }

    fn ioctl(&self, request: usize, argument: usize) -> Result<usize> {
        // SAFETY: the requests in this file read or write a structure of the type that their callers pass.
        unsafe {
            check(call(
                number::IOCTL,
                [self.argument(), request, argument, 0, 0, 0],
            ))
        }
    }

    fn argument(&self) -> usize {
        self.0 as usize
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: this value owns the file descriptor.
        unsafe {
            call(number::CLOSE, [self.argument(), 0, 0, 0, 0, 0]);
        }
    }
}

/// The status of a file.
#[derive(Clone, Copy)]
pub struct Status {
    /// Whether it is a directory.
    pub directory: bool,
    /// Number of its device.
    pub device: u64,
}

/// Creates a directory.
pub fn mkdir(path: &CStr) -> Result<()> {
    // SAFETY: `path` ends with a zero byte.
    unsafe {
        check(call(
            number::MKDIRAT,
            [AT_FDCWD, path.as_ptr() as usize, 0o755, 0, 0, 0],
        ))
    }
    .map(drop)
}

/// Creates a symbolic link to `target` at `path`.
pub fn link(target: &CStr, path: &CStr) -> Result<()> {
    let (target, path) = (target.as_ptr() as usize, path.as_ptr() as usize);
    // SAFETY: both end with a zero byte.
    unsafe { check(call(number::SYMLINKAT, [target, AT_FDCWD, path, 0, 0, 0])) }.map(drop)
}

/// Mounts a file system, or moves a mount.
pub fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: usize, data: &CStr) -> Result<()> {
    // SAFETY: the strings end with zero bytes.
    unsafe {
        check(call(
            number::MOUNT,
            [
                source.as_ptr() as usize,
                target.as_ptr() as usize,
                kind.as_ptr() as usize,
                flags,
                data.as_ptr() as usize,
                0,
            ],
        ))
    }
    .map(drop)
}

/// Unmounts a file system.
pub fn unmount(path: &CStr) -> Result<()> {
    // SAFETY: `path` ends with a zero byte.
    unsafe {
        check(call(
            number::UMOUNT2,
            [path.as_ptr() as usize, 0, 0, 0, 0, 0],
        ))
    }
    .map(drop)
}

/// A file system, as `statfs` describes it.
pub struct FileSystemStatus {
    /// The magic number.
    pub kind: u64,
    /// The number of bytes in use; `None` if it does not count them.
    pub used: Option<u64>,
}

/// Describes the file system of a path.
pub fn file_system(path: &CStr) -> Result<FileSystemStatus> {
    // `struct statfs` has 120 bytes on both architectures, and begins with words: magic number, size of a block, number of
    // blocks, number of free blocks.
    let mut raw = [0_u64; 16];
    // SAFETY: `path` ends with a zero byte, and the buffer has room for the structure.
    unsafe {
        check(call(
            number::STATFS,
            [
                path.as_ptr() as usize,
                raw.as_mut_ptr() as usize,
                0,
                0,
                0,
                0,
            ],
        ))?;
    }
    let [kind, size, blocks, free, ..] = raw;
    let used = blocks.saturating_sub(free).saturating_mul(size);
    Ok(FileSystemStatus {
        kind,
        used: (blocks > 0).then_some(used),
    })
}

/// Changes the current directory.
pub fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: `path` ends with a zero byte.
    unsafe { check(call(number::CHDIR, [path.as_ptr() as usize, 0, 0, 0, 0, 0])) }.map(drop)
}

/// Changes the root directory.
pub fn chroot(path: &CStr) -> Result<()> {
    // SAFETY: `path` ends with a zero byte.
    unsafe {
        check(call(
            number::CHROOT,
            [path.as_ptr() as usize, 0, 0, 0, 0, 0],
        ))
    }
    .map(drop)
}

/// Replaces this program. Returns only if that fails.
///
/// # Safety
///
/// Both lists end with a null pointer. Their other pointers point to strings that end with a zero byte.
pub unsafe fn execute(path: &CStr, arguments: &[*const i8], environment: &[*const i8]) -> Errno {
    // SAFETY: the caller vouches for the lists.
    let result = unsafe {
        call(
            number::EXECVE,
            [
                path.as_ptr() as usize,
                arguments.as_ptr() as usize,
                environment.as_ptr() as usize,
                0,
                0,
                0,
            ],
        )
    };
    check(result).err().unwrap_or(Errno(0))
}

/// Runs `child` in a new process, and returns its wait status.
///
/// The process has a copy of this one's memory, so `child` cannot change the state of this program.
pub fn run(child: impl FnOnce() -> i32) -> Result<i32> {
    const SIGCHLD: usize = 17;
    // SAFETY: the child continues on its copy of this stack.
    let process = unsafe { check(call(number::CLONE, [SIGCHLD, 0, 0, 0, 0, 0]))? };
    if process == 0 {
        exit(child());
    }
    let mut status = 0_i32;
    // SAFETY: the kernel writes a number.
    unsafe {
        check(call(
            number::WAIT4,
            [process, &raw mut status as usize, 0, 0, 0, 0],
        ))?;
    }
    Ok(status)
}

/// Ends the program.
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: the call takes a number only.
        unsafe {
            call(number::EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]);
        }
    }
}

/// Sleeps.
pub fn sleep(microseconds: u64) {
    let time = [microseconds / 1_000_000, microseconds % 1_000_000 * 1_000];
    // SAFETY: the kernel reads the `struct timespec`; the pointer for the remaining time is null.
    unsafe {
        call(number::NANOSLEEP, [time.as_ptr() as usize, 0, 0, 0, 0, 0]);
    }
}

/// Returns the time since the start of the kernel's clock.
pub fn microseconds_since_boot() -> u64 {
    const CLOCK_BOOTTIME: usize = 7;
    let mut time = [0_u64; 2];
    // SAFETY: the kernel writes a `struct timespec`, two 64-bit words.
    unsafe {
        call(
            number::CLOCK_GETTIME,
            [CLOCK_BOOTTIME, time.as_mut_ptr() as usize, 0, 0, 0, 0],
        );
    }
    time[0] * 1_000_000 + time[1] / 1_000
}

fn open_at(directory: usize, path: &CStr, flags: usize) -> Result<Fd> {
    // SAFETY: `path` ends with a zero byte.
    let result = unsafe {
        call(
            number::OPENAT,
            [
                directory,
                path.as_ptr() as usize,
                flags | open::CLOEXEC,
                0,
                0,
                0,
            ],
        )
    };
    check(result).map(|number| Fd(number as i32))
}

fn check(result: isize) -> Result<usize> {
    // Results between -4095 and -1 are error numbers, all others are values.
    if (-4095..0).contains(&result) {
        Err(Errno(-result as i32))
    } else {
        Ok(result as usize)
    }
}
