//! Files in the home of user code, which can be made to lead anywhere.
//!
//! The kernel resolves every path beneath the home (`RESOLVE_BENEATH`): a link that leads out of it is an error, also
//! one that is put there meanwhile. And it is the user that does it, not root: what the agent makes belongs to the
//! user, and what the user cannot touch the agent does not touch for a host either.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use protocol::response::{Entry, FileList, Stat};
use protocol::{limits, Error, ErrorType, FileKind, HomePath, Response};

use crate::settings::{Settings, User};
use crate::sys;

/// Makes this thread's access to files the user's, until it is dropped.
pub struct AsUser(Option<User>);

impl AsUser {
    /// Becomes the user.
    pub fn new(settings: &Settings) -> Self {
        if let Some(user) = settings.user {
            file_access(user);
        }
        Self(settings.user)
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
    // SAFETY: the calls take numbers, and change this thread alone.
    unsafe {
        libc::setfsgid(user.gid);
        libc::setfsuid(user.uid);
    }
}

/// Makes an error for the host.
pub fn failed(path: &HomePath, error: &io::Error) -> Error {
    let kind = match error.raw_os_error() {
        Some(libc::EXDEV | libc::ELOOP) => ErrorType::Path,
        _ => ErrorType::Io,
    };
    Error::new(kind, format!("{:?}: {error}", path.as_str()))
}

/// Opens something beneath the home.
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
    // SAFETY: the path ends with a zero byte, the structure lives here and is as long as is said; the number that comes
    // back belongs to nobody else.
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

/// Returns a path without `..`.
fn resolved(path: &HomePath) -> String {
    path.names().collect::<Vec<_>>().join("/")
}

fn c_string(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(io::Error::other)
}

/// A folder beneath the home, and the name of something in it.
pub struct Place {
    folder: OwnedFd,
    name: CString,
}

impl Place {
    /// Finds a place; makes the folders that lead there if asked to.
    pub fn find(home: &Path, path: &HomePath, make: bool) -> io::Result<Self> {
        let mut names: Vec<&str> = path.names().collect();
        let name = c_string(names.pop().unwrap_or("."))?;
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        if make {
            for count in 1..=names.len() {
                let folder = open_beneath(home, &names[..count - 1].join("/"), flags, 0)?;
                let name = c_string(names[count - 1])?;
                make_folder(&Self { folder, name })?;
            }
        }
        let folder = open_beneath(home, &names.join("/"), flags, 0)?;
        Ok(Self { folder, name })
    }

    /// Returns the directory.
    pub fn directory(&self) -> &OwnedFd {
        &self.folder
    }

    /// Returns the name in the directory.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Returns whether a directory has this name. A link is not followed.
    pub fn is_directory(&self) -> io::Result<bool> {
        Ok(self.metadata()?.is_dir())
    }

    /// Returns the same folder with another name.
    pub fn beside(&self, name: &str) -> io::Result<Self> {
        Ok(Self {
            folder: self.folder.try_clone()?,
            name: c_string(name)?,
        })
    }

    /// Makes a new file.
    pub fn create(&self, mode: u32) -> io::Result<File> {
        let flags =
            libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: the name ends with a zero byte; the number that comes back belongs to nobody else.
        unsafe {
            let number = libc::openat(self.folder.as_raw_fd(), self.name.as_ptr(), flags, mode);
            Ok(File::from(OwnedFd::from_raw_fd(sys::check(number)?)))
        }
    }

    /// Deletes a file, or a folder that is empty.
    pub fn unlink(&self, is_folder: bool) -> io::Result<()> {
        let flags = if is_folder { libc::AT_REMOVEDIR } else { 0 };
        // SAFETY: the name ends with a zero byte.
        let result = unsafe { libc::unlinkat(self.folder.as_raw_fd(), self.name.as_ptr(), flags) };
        sys::check(result).map(drop)
    }

    /// Gives a file another name, in place of what has that name.
    pub fn rename(&self, to: &Self) -> io::Result<()> {
        // SAFETY: the names end with a zero byte.
        let result = unsafe {
            libc::renameat(
                self.folder.as_raw_fd(),
                self.name.as_ptr(),
                to.folder.as_raw_fd(),
                to.name.as_ptr(),
            )
        };
        sys::check(result).map(drop)
    }

    /// Describes what is there, and not what a link leads to.
    fn metadata(&self) -> io::Result<fs::Metadata> {
        let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: the name ends with a zero byte; the number that comes back belongs to nobody else.
        let file = unsafe {
            let number = libc::openat(self.folder.as_raw_fd(), self.name.as_ptr(), flags);
            File::from(OwnedFd::from_raw_fd(sys::check(number)?))
        };
        file.metadata()
    }
}

fn make_folder(place: &Place) -> io::Result<()> {
    // SAFETY: the name ends with a zero byte.
    let result = unsafe { libc::mkdirat(place.folder.as_raw_fd(), place.name.as_ptr(), 0o755) };
    match sys::check(result) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result.map(drop),
    }
}

/// Opens a file for reading, and returns its size. It never waits, not even for the other end of a pipe.
pub fn open_file(home: &Path, path: &HomePath) -> io::Result<(File, u64)> {
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::from(open_beneath(home, &resolved(path), flags, 0)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok((file, metadata.len()))
}

/// Names what is in a folder.
pub fn list(home: &Path, path: &HomePath) -> io::Result<Response> {
    let folder = open_beneath(home, &resolved(path), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let mut entries = Vec::new();
    let mut room = limits::LISTING;
    for entry in fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))? {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else {
            // It is gone meanwhile.
            continue;
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        // With what JSON puts around it, and for characters that it escapes.
        room = room
            .checked_sub(name.len() * 2 + 64)
            .ok_or_else(|| io::Error::other("more entries than one answer holds"))?;
        let is_dir = metadata.is_dir();
        // What a file takes up: the holes of a sparse one do not count.
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
    let metadata = Place::find(home, path, false)?.metadata()?;
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
        // A file system may hold any time.
        modified_ms: (metadata.mtime().saturating_mul(1000))
            .saturating_add(metadata.mtime_nsec() / 1_000_000),
    }
    .into())
}

/// Makes a folder, and those that it lies in.
pub fn mkdir(home: &Path, path: &HomePath) -> io::Result<Response> {
    let place = Place::find(home, path, true)?;
    make_folder(&place)?;
    if !place.metadata()?.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EEXIST));
    }
    Ok(Response::ack("mkdir"))
}

/// Gives a file another name.
pub fn rename(home: &Path, path: &HomePath, to: &HomePath) -> io::Result<Response> {
    Place::find(home, path, false)?.rename(&Place::find(home, to, true)?)?;
    Ok(Response::ack("move"))
}
