//! Files in the home directory, where user code may place links to anywhere.
//!
//! The kernel resolves every path beneath the home (`RESOLVE_BENEATH`): a link that leads out of it is an error, even if
//! user code creates it at the same time. The agent accesses files as the user, not as root. New files belong to the user,
//! and the agent has no more access than the user.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use protocol::response::{Entry, FileList, Stat};
use protocol::{limits, Error, ErrorType, FileKind, HomePath, Response};

use crate::config::{Config, User};
use crate::sys;

/// Gives this thread the user's access to files until it is dropped.
pub struct AsUser(Option<User>);

impl AsUser {
    /// Switches to the user.
    pub fn new(config: &Config) -> Self {
        if let Some(user) = config.user {
            file_access(user);
        }
        Self(config.user)
    }
}

impl Drop for AsUser {
    fn drop(&mut self) {
        if self.0.is_some() {
            file_access(User { uid: 0, gid: 0 });
        }
    }
}

fn file_access(user: User) {
    // SAFETY: the calls take numbers, and change only this thread.
    unsafe {
        libc::setfsgid(user.gid);
        libc::setfsuid(user.uid);
    }
}

/// Converts an I/O error into an error for the host.
pub fn failed(path: &HomePath, error: &io::Error) -> Error {
    let kind = match error.raw_os_error() {
        Some(libc::EXDEV | libc::ELOOP) => ErrorType::Path,
        _ => ErrorType::Io,
    };
    Error::new(kind, format!("{:?}: {error}", path.as_str()))
}

/// Opens a file or a directory beneath the home.
fn open_beneath(home: &Path, path: &str, flags: i32, mode: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct How {
        flags: u64,
        mode: u64,
        resolve: u64,
    }
    const BENEATH: u64 = 0x08;
    const NO_MAGIC_LINKS: u64 = 0x02;
    let home = File::open(home)?;
    let path = c_string(if path.is_empty() { "." } else { path })?;
    let how = How {
        flags: (flags | libc::O_CLOEXEC) as u64,
        mode: u64::from(mode),
        resolve: BENEATH | NO_MAGIC_LINKS,
    };
    // SAFETY: the path ends with a zero byte, the structure is local and has the given size, and nothing else owns the
    // returned file descriptor.
    unsafe {
        let result = libc::syscall(
            libc::SYS_openat2,
            home.as_raw_fd(),
            path.as_ptr(),
            &how,
            size_of::<How>(),
        );
        let number = i32::try_from(result).map_err(io::Error::other)?;
        Ok(OwnedFd::from_raw_fd(sys::check(number)?))
    }
}

/// Returns a path with each `..` resolved.
fn resolved(path: &HomePath) -> String {
    path.names().collect::<Vec<_>>().join("/")
}

fn c_string(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(io::Error::other)
}

/// A name in a directory beneath the home. Like the `*at` system calls, operations use the open directory.
pub struct DirEntryAt {
    directory: OwnedFd,
    name: CString,
}

impl DirEntryAt {
    /// Opens the parent directory of a path. With `create`, creates missing parents.
    pub fn find(home: &Path, path: &HomePath, create: bool) -> io::Result<Self> {
        let mut names: Vec<&str> = path.names().collect();
        let name = c_string(names.pop().unwrap_or("."))?;
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        if create {
            for count in 1..=names.len() {
                let directory = open_beneath(home, &names[..count - 1].join("/"), flags, 0)?;
                let name = c_string(names[count - 1])?;
                mkdir_at(&Self { directory, name })?;
            }
        }
        let directory = open_beneath(home, &names.join("/"), flags, 0)?;
        Ok(Self { directory, name })
    }

    /// Returns the directory.
    pub fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// Returns the name in the directory.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Returns whether the entry is a directory. Does not follow links.
    pub fn is_directory(&self) -> io::Result<bool> {
        Ok(self.metadata()?.is_dir())
    }

    /// Returns another name in the same directory.
    pub fn sibling(&self, name: &str) -> io::Result<Self> {
        Ok(Self {
            directory: self.directory.try_clone()?,
            name: c_string(name)?,
        })
    }

    /// Creates a file. An existing entry is an error.
    pub fn create(&self, mode: u32) -> io::Result<File> {
        let flags =
            libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: the name ends with a zero byte, and nothing else owns the returned file descriptor.
        unsafe {
            let number = libc::openat(self.directory.as_raw_fd(), self.name.as_ptr(), flags, mode);
            Ok(File::from(OwnedFd::from_raw_fd(sys::check(number)?)))
        }
    }

    /// Deletes a file or an empty directory.
    pub fn unlink(&self, is_directory: bool) -> io::Result<()> {
        let flags = if is_directory { libc::AT_REMOVEDIR } else { 0 };
        // SAFETY: the name ends with a zero byte.
        let result =
            unsafe { libc::unlinkat(self.directory.as_raw_fd(), self.name.as_ptr(), flags) };
        sys::check(result).map(drop)
    }

    /// Renames a file, and replaces an existing one.
    pub fn rename(&self, to: &Self) -> io::Result<()> {
        // SAFETY: the names end with a zero byte.
        let result = unsafe {
            libc::renameat(
                self.directory.as_raw_fd(),
                self.name.as_ptr(),
                to.directory.as_raw_fd(),
                to.name.as_ptr(),
            )
        };
        sys::check(result).map(drop)
    }

    /// Returns the metadata of the entry. Does not follow links.
    fn metadata(&self) -> io::Result<fs::Metadata> {
        let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: the name ends with a zero byte, and nothing else owns the returned file descriptor.
        let file = unsafe {
            let number = libc::openat(self.directory.as_raw_fd(), self.name.as_ptr(), flags);
            File::from(OwnedFd::from_raw_fd(sys::check(number)?))
        };
        file.metadata()
    }
}

fn mkdir_at(place: &DirEntryAt) -> io::Result<()> {
    // SAFETY: the name ends with a zero byte.
    let result = unsafe { libc::mkdirat(place.directory.as_raw_fd(), place.name.as_ptr(), 0o755) };
    match sys::check(result) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result.map(drop),
    }
}

/// Opens a file for reading, and returns its size. Never blocks, not even for the other end of a pipe.
pub fn open_file(home: &Path, path: &HomePath) -> io::Result<(File, u64)> {
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::from(open_beneath(home, &resolved(path), flags, 0)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok((file, metadata.len()))
}

/// Lists a directory.
pub fn list(home: &Path, path: &HomePath) -> io::Result<Response> {
    let directory = open_beneath(home, &resolved(path), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let mut entries = Vec::new();
    let mut room = limits::LISTING;
    for entry in fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()))? {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else {
            // The entry has been deleted since.
            continue;
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        // Leaves room for the JSON around the name, and for escapes.
        room = room
            .checked_sub(name.len() * 2 + 64)
            .ok_or_else(|| io::Error::other("too many entries for one response"))?;
        let is_dir = metadata.is_dir();
        // Count allocated bytes, without the holes of a sparse file.
        let taken = metadata.len().min(metadata.blocks().saturating_mul(512));
        let size = if is_dir { 0 } else { taken };
        entries.push(Entry { name, is_dir, size });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let path = path.as_str().to_owned();
    Ok(FileList { path, entries }.into())
}

/// Describes a file.
pub fn stat(home: &Path, path: &HomePath) -> io::Result<Response> {
    let metadata = DirEntryAt::find(home, path, false)?.metadata()?;
    let kind = match metadata.file_type() {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Symlink,
        _ => FileKind::Other,
    };
    Ok(Stat {
        path: path.as_str().to_owned(),
        kind,
        size: metadata.len(),
        mode: u64::from(metadata.mode() & 0o7777),
        // A file system may contain any time.
        modified_ms: (metadata.mtime().saturating_mul(1000))
            .saturating_add(metadata.mtime_nsec() / 1_000_000),
    }
    .into())
}

/// Creates a directory and its parents.
pub fn mkdir(home: &Path, path: &HomePath) -> io::Result<Response> {
    let place = DirEntryAt::find(home, path, true)?;
    mkdir_at(&place)?;
    if !place.metadata()?.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EEXIST));
    }
    Ok(Response::ack("mkdir"))
}

/// Renames a file.
pub fn rename(home: &Path, path: &HomePath, to: &HomePath) -> io::Result<Response> {
    DirEntryAt::find(home, path, false)?.rename(&DirEntryAt::find(home, to, true)?)?;
    Ok(Response::ack("move"))
}
