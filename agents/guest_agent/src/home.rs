//! Files in the home directory, where user code may place links to anywhere.
//!
//! The kernel resolves every path beneath the home (`RESOLVE_BENEATH`): a link that leads out of it is an error, even if
//! user code creates it at the same time. The agent accesses files as the user, not as root. New files belong to the user,
//! and the agent has no more access than the user.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use protocol::response::{Entry, FileList, Stat};
use protocol::{limits, Error, ErrorType, FileKind, HomePath, Response};
use rustix::fs::{
    mkdirat, openat, openat2, renameat, unlinkat, AtFlags, Mode, OFlags, ResolveFlags,
};
use rustix::io::Errno;

use crate::config::{Config, User};

/// Links do not lead out of the home.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

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
fn open_beneath(home: &Path, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let home = File::open(home)?;
    let path = c_string(if path.is_empty() { "." } else { path })?;
    let flags = flags | OFlags::CLOEXEC;
    Ok(openat2(home, path, flags, Mode::empty(), BENEATH)?)
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
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        if create {
            for count in 1..=names.len() {
                let directory = open_beneath(home, &names[..count - 1].join("/"), flags)?;
                let name = c_string(names[count - 1])?;
                mkdir_at(&Self { directory, name })?;
            }
        }
        let directory = open_beneath(home, &names.join("/"), flags)?;
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
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode);
        Ok(openat(&self.directory, &self.name, flags, mode)?.into())
    }

    /// Deletes a file or an empty directory.
    pub fn unlink(&self, is_directory: bool) -> io::Result<()> {
        let flags = if is_directory {
            AtFlags::REMOVEDIR
        } else {
            AtFlags::empty()
        };
        Ok(unlinkat(&self.directory, &self.name, flags)?)
    }

    /// Renames a file, and replaces an existing one.
    pub fn rename(&self, to: &Self) -> io::Result<()> {
        Ok(renameat(
            &self.directory,
            &self.name,
            &to.directory,
            &to.name,
        )?)
    }

    /// Returns the metadata of the entry. Does not follow links.
    fn metadata(&self) -> io::Result<fs::Metadata> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.directory, &self.name, flags, Mode::empty())?;
        File::from(file).metadata()
    }
}

fn mkdir_at(place: &DirEntryAt) -> io::Result<()> {
    match mkdirat(&place.directory, &place.name, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => Ok(()),
        result => Ok(result?),
    }
}

/// Opens a file for reading, and returns its size. Never blocks, not even for the other end of a pipe.
pub fn open_file(home: &Path, path: &HomePath) -> io::Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(open_beneath(home, &resolved(path), flags)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok((file, metadata.len()))
}

/// Lists a directory.
pub fn list(home: &Path, path: &HomePath) -> io::Result<Response> {
    let directory = open_beneath(home, &resolved(path), OFlags::RDONLY | OFlags::DIRECTORY)?;
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
        return Err(Errno::EXIST.into());
    }
    Ok(Response::ack("mkdir"))
}

/// Renames a file.
pub fn rename(home: &Path, path: &HomePath, to: &HomePath) -> io::Result<Response> {
    DirEntryAt::find(home, path, false)?.rename(&DirEntryAt::find(home, to, true)?)?;
    Ok(Response::ack("move"))
}
