//! Deletes a directory with its content, a bounded number of entries at a time.
//!
//! User code can nest directories deeper than the limit of open files, and fill one with millions of entries. So the agent
//! moves directories that it finds two levels down up, which needs only a few open files for any depth. Between two steps
//! it serves requests.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use protocol::{Error, HomePath, Response};
use rustix::fs::{openat, renameat_with, unlinkat, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::config::Config;
use crate::home::{self, AsUser, DirEntryAt};
use crate::sys;

/// Number of entries that one step handles.
const AT_ONCE: usize = 256;

/// An open directory and its entries.
struct Level {
    directory: OwnedFd,
    entries: fs::ReadDir,
}

impl Level {
    fn new(directory: OwnedFd) -> io::Result<Self> {
        let entries = fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()))?;
        Ok(Self { directory, entries })
    }

    fn next(&mut self) -> io::Result<Option<CString>> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        CString::new(OsStr::as_bytes(&entry?.file_name()))
            .map(Some)
            .map_err(io::Error::other)
    }
}

/// The deletion of a directory.
pub struct Removal {
    op_id: Option<String>,
    path: HomePath,
    place: DirEntryAt,
    top: Level,
    /// A subdirectory and its name.
    inner: Option<(CString, Level)>,
    moved: u64,
    /// Number of entries that were deleted or moved since the directory was opened.
    done: u64,
    config: Config,
}

impl Removal {
    /// Deletes a file, a link or an empty directory, or begins to delete a directory with its content. Returns `None` if
    /// nothing remains to do.
    ///
    /// # Errors
    ///
    /// The file does not exist, or the user may not delete it.
    pub fn begin(
        op_id: Option<&str>,
        path: HomePath,
        recursive: bool,
        config: &Config,
    ) -> io::Result<Option<Self>> {
        let _user = AsUser::new(config);
        let place = DirEntryAt::find(&config.home, &path, false)?;
        let is_directory = place.is_directory()?;
        if !is_directory || !recursive {
            return place.unlink(is_directory).map(|()| None);
        }
        Ok(Some(Self {
            op_id: op_id.map(str::to_owned),
            path,
            top: Level::new(open(place.directory(), place.name())?)?,
            place,
            inner: None,
            moved: 0,
            done: 0,
            config: config.clone(),
        }))
    }

    /// Returns the `op_id` of the request.
    pub fn op_id(&self) -> Option<&str> {
        self.op_id.as_deref()
    }

    /// Deletes some entries. Returns the response when the directory is gone.
    pub fn step(&mut self) -> Option<Result<Response, Error>> {
        let _user = AsUser::new(&self.config);
        for _ in 0..AT_ONCE {
            match self.delete_one() {
                Ok(false) => {}
                Ok(true) => return Some(Ok(Response::ack("remove"))),
                Err(error) => return Some(Err(home::failed(&self.path, &error))),
            }
        }
        None
    }

    /// Deletes or moves an entry, or opens a directory. Returns whether everything is gone.
    fn delete_one(&mut self) -> io::Result<bool> {
        if let Some((name, mut level)) = self.inner.take() {
            match level.next()? {
                Some(entry) => {
                    if !unlink(&level.directory, &entry)? {
                        self.move_up(&level.directory, &entry)?;
                    }
                    self.inner = Some((name, level));
                }
                // If a program has added entries since, reading the parent again finds them.
                None => drop(unlink(&self.top.directory, &name)?),
            }
            self.done += 1;
            return Ok(false);
        }
        if let Some(name) = self.top.next()? {
            if unlink(&self.top.directory, &name)? {
                self.done += 1;
            } else {
                let level = Level::new(open(&self.top.directory, &name)?)?;
                self.inner = Some((name, level));
            }
            return Ok(false);
        }
        match self.place.unlink(true) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(true),
            // A program has added an entry, or another directory has this name now.
            Err(error) if error.raw_os_error() == Some(libc::ENOTEMPTY) => {
                if std::mem::take(&mut self.done) == 0 {
                    return Err(error);
                }
                self.top = Level::new(open(self.place.directory(), self.place.name())?)?;
                Ok(false)
            }
            result => result.map(|()| true),
        }
    }

    /// Moves a directory up, under an unused name.
    fn move_up(&mut self, from: &OwnedFd, name: &CStr) -> io::Result<()> {
        self.moved += 1;
        // The time makes the name unpredictable.
        let time = sys::unix_time().as_nanos();
        let new = CString::new(format!(".removed-{}-{time:x}", self.moved));
        let new = new.map_err(io::Error::other)?;
        match renameat_with(from, name, &self.top.directory, new, RenameFlags::NOREPLACE) {
            // Reading the parent again finds it, and tries another name.
            Err(Errno::EXIST) => Ok(()),
            result => Ok(result?),
        }
    }
}

/// Deletes a file, a link or an empty directory. Returns false for a directory that is not empty.
fn unlink(directory: &OwnedFd, name: &CStr) -> io::Result<bool> {
    for flags in [AtFlags::empty(), AtFlags::REMOVEDIR] {
        match unlinkat(directory, name, flags) {
            Ok(()) | Err(Errno::NOENT) => return Ok(true),
            Err(Errno::ISDIR) if flags.is_empty() => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Opens a directory without following a link.
fn open(directory: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn config(name: &str) -> Config {
        let home = std::env::temp_dir().join(format!("removal-{name}-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        Config {
            home,
            scratch: PathBuf::new(),
            user: None,
            ..Config::guest()
        }
    }

    /// Deletes a directory. Returns the number of steps.
    fn remove(config: &Config, path: &str) -> usize {
        let path = HomePath::inside(path.to_owned()).unwrap();
        let begun = Removal::begin(None, path, true, config).unwrap();
        let mut removal = begun.unwrap();
        let mut steps = 1;
        loop {
            match removal.step() {
                None => steps += 1,
                Some(result) => break assert_eq!(result, Ok(Response::ack("remove"))),
            }
        }
        assert!(!config.home.join("tree").exists());
        steps
    }

    #[test]
    fn begin_deletes_files_and_empty_directories() {
        let config = config("small");
        let begin = |path: &str, recursive| {
            let path = HomePath::inside(path.to_owned()).unwrap();
            Removal::begin(None, path, recursive, &config)
        };
        fs::write(config.home.join("file"), "x").unwrap();
        fs::create_dir_all(config.home.join("tree/inner")).unwrap();
        assert!(begin("file", true).unwrap().is_none());
        assert!(begin("tree/inner", false).unwrap().is_none());
        assert!(begin("tree/inner", false).is_err());
        fs::create_dir(config.home.join("tree/inner")).unwrap();
        assert!(begin("tree", false).is_err());
        fs::remove_dir_all(&config.home).unwrap();
    }

    #[test]
    fn step_does_not_follow_links() {
        let config = config("links");
        let outside = config.home.join("outside");
        fs::create_dir_all(config.home.join("tree/a/.removed-1/b")).unwrap();
        fs::create_dir_all(config.home.join("tree/a/c/d")).unwrap();
        fs::write(config.home.join("tree/.removed-1"), "in the way").unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, config.home.join("tree/a/link")).unwrap();
        remove(&config, "tree");
        assert!(outside.join("kept").exists());
        fs::remove_dir_all(&config.home).unwrap();
    }

    #[test]
    fn step_deletes_deeply_nested_directories() {
        let config = config("deep");
        let mut place = config.home.join("tree");
        fs::create_dir(&place).unwrap();
        // Nest from the inside outwards: the path would be too long.
        for level in 0..5000 {
            let above = config.home.join("above");
            fs::create_dir(&above).unwrap();
            fs::rename(&place, above.join(format!("level-{level}"))).unwrap();
            place = config.home.join("tree");
            fs::rename(&above, &place).unwrap();
        }
        remove(&config, "tree");
        fs::remove_dir_all(&config.home).unwrap();
    }

    #[test]
    fn step_deletes_directory_that_takes_the_name() {
        let config = config("exchanged");
        fs::create_dir_all(config.home.join("tree/inner")).unwrap();
        let path = HomePath::inside("tree".to_owned()).unwrap();
        let begun = Removal::begin(None, path, true, &config).unwrap();
        let mut removal = begun.unwrap();
        fs::rename(config.home.join("tree"), config.home.join("moved")).unwrap();
        fs::create_dir_all(config.home.join("tree/new")).unwrap();
        let result = (0..10).find_map(|_| removal.step());
        assert_eq!(result, Some(Ok(Response::ack("remove"))));
        assert!(!config.home.join("tree").exists());
        fs::remove_dir_all(&config.home).unwrap();
    }

    #[test]
    fn step_deletes_bounded_number_of_entries() {
        let config = config("wide");
        let tree = config.home.join("tree");
        fs::create_dir(&tree).unwrap();
        for number in 0..AT_ONCE * 3 {
            fs::write(Path::new(&tree).join(number.to_string()), "").unwrap();
        }
        assert!(remove(&config, "tree") >= 3);
        fs::remove_dir_all(&config.home).unwrap();
    }
}
