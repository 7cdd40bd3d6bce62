//! Deleting a directory with everything in it, a bounded number of entries at a time.
//!
//! User code can nest directories deeper than a process may have open files, and fill one with millions of entries. So
//! what is found two levels down is moved up, and a few open files are enough for any depth; and the agent serves
//! requests between two steps.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use protocol::{Error, HomePath, Response};

use crate::home::{self, AsUser, Place};
use crate::settings::Settings;
use crate::sys;

/// Entries of one step.
const AT_ONCE: usize = 256;

/// The entries of a directory, and the directory.
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

/// A directory that is being deleted.
pub struct Removal {
    op_id: Option<String>,
    path: HomePath,
    place: Place,
    top: Level,
    /// A directory in it, by its name.
    inner: Option<(CString, Level)>,
    moved: u64,
    /// Entries that were deleted or moved since the directory was opened.
    done: u64,
    settings: Settings,
}

impl Removal {
    /// Deletes a file, a link or an empty directory, or begins to delete a directory with its content. Returns nothing
    /// if that is all.
    ///
    /// # Errors
    ///
    /// The file is not there, or the user may not delete it.
    pub fn begin(
        op_id: Option<&str>,
        path: HomePath,
        recursive: bool,
        settings: &Settings,
    ) -> io::Result<Option<Self>> {
        let _user = AsUser::new(settings);
        let place = Place::find(&settings.home, &path, false)?;
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
            settings: settings.clone(),
        }))
    }

    /// Returns the name of the request.
    pub fn op_id(&self) -> Option<&str> {
        self.op_id.as_deref()
    }

    /// Deletes some entries. Returns the response when the directory is gone.
    pub fn step(&mut self) -> Option<Result<Response, Error>> {
        let _user = AsUser::new(&self.settings);
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
                // A program may have put something there meanwhile: it is found when the directory is read again.
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
            // Something came meanwhile, or another directory has this name now.
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

    /// Moves a directory up, under a name that nothing has.
    fn move_up(&mut self, from: &OwnedFd, name: &CStr) -> io::Result<()> {
        const NO_REPLACE: libc::c_uint = 1;
        self.moved += 1;
        // The time keeps it apart from names that somebody has put there.
        let time = sys::unix_time().as_nanos();
        let new = CString::new(format!(".removed-{}-{time:x}", self.moved));
        let new = new.map_err(io::Error::other)?;
        // SAFETY: the names end with a zero byte.
        let result = unsafe {
            libc::syscall(
                libc::SYS_renameat2,
                from.as_raw_fd(),
                name.as_ptr(),
                self.top.directory.as_raw_fd(),
                new.as_ptr(),
                NO_REPLACE,
            )
        };
        match sys::check(i32::try_from(result).map_err(io::Error::other)?) {
            // It is found when the directory is read again, and gets another name then.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result.map(drop),
        }
    }
}

/// Deletes a file, a link or an empty directory. Returns whether it is gone; otherwise it is a directory that is not empty.
fn unlink(directory: &OwnedFd, name: &CStr) -> io::Result<bool> {
    for flags in [0, libc::AT_REMOVEDIR] {
        // SAFETY: the name ends with a zero byte.
        let result = unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), flags) };
        match sys::check(result).map_err(|error| (error.raw_os_error(), error)) {
            Ok(_) | Err((Some(libc::ENOENT), _)) => return Ok(true),
            Err((Some(libc::EISDIR), _)) if flags == 0 => {}
            Err((Some(libc::ENOTEMPTY | libc::EEXIST), _)) => return Ok(false),
            Err((_, error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Opens a directory, and follows no link.
fn open(directory: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: the name ends with a zero byte; the number that comes back belongs to nobody else.
    unsafe {
        let number = libc::openat(directory.as_raw_fd(), name.as_ptr(), flags);
        Ok(File::from(OwnedFd::from_raw_fd(sys::check(number)?)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn settings(name: &str) -> Settings {
        let home = std::env::temp_dir().join(format!("removal-{name}-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        Settings {
            home,
            scratch: PathBuf::new(),
            user: None,
            ..Settings::guest()
        }
    }

    /// Deletes a directory. Returns the number of steps.
    fn remove(settings: &Settings, path: &str) -> usize {
        let path = HomePath::inside(path.to_owned()).unwrap();
        let begun = Removal::begin(None, path, true, settings).unwrap();
        let mut removal = begun.unwrap();
        let mut steps = 1;
        loop {
            match removal.step() {
                None => steps += 1,
                Some(result) => break assert_eq!(result, Ok(Response::ack("remove"))),
            }
        }
        assert!(!settings.home.join("tree").exists());
        steps
    }

    #[test]
    fn begin_deletes_what_is_not_a_full_directory() {
        let settings = settings("small");
        let begin = |path: &str, recursive| {
            let path = HomePath::inside(path.to_owned()).unwrap();
            Removal::begin(None, path, recursive, &settings)
        };
        fs::write(settings.home.join("file"), "x").unwrap();
        fs::create_dir_all(settings.home.join("tree/inner")).unwrap();
        assert!(begin("file", true).unwrap().is_none());
        assert!(begin("tree/inner", false).unwrap().is_none());
        assert!(begin("tree/inner", false).is_err());
        fs::create_dir(settings.home.join("tree/inner")).unwrap();
        assert!(begin("tree", false).is_err());
        fs::remove_dir_all(&settings.home).unwrap();
    }

    #[test]
    fn step_follows_no_link_and_keeps_to_its_directory() {
        let settings = settings("links");
        let outside = settings.home.join("outside");
        fs::create_dir_all(settings.home.join("tree/a/.removed-1/b")).unwrap();
        fs::create_dir_all(settings.home.join("tree/a/c/d")).unwrap();
        fs::write(settings.home.join("tree/.removed-1"), "in the way").unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, settings.home.join("tree/a/link")).unwrap();
        remove(&settings, "tree");
        assert!(outside.join("kept").exists());
        fs::remove_dir_all(&settings.home).unwrap();
    }

    #[test]
    fn step_deletes_directories_deeper_than_open_files() {
        let settings = settings("deep");
        let mut place = settings.home.join("tree");
        fs::create_dir(&place).unwrap();
        // Deeper than a path may be long: from the inside outwards.
        for level in 0..5000 {
            let above = settings.home.join("above");
            fs::create_dir(&above).unwrap();
            fs::rename(&place, above.join(format!("level-{level}"))).unwrap();
            place = settings.home.join("tree");
            fs::rename(&above, &place).unwrap();
        }
        remove(&settings, "tree");
        fs::remove_dir_all(&settings.home).unwrap();
    }

    #[test]
    fn step_ends_though_another_directory_takes_the_name() {
        let settings = settings("exchanged");
        fs::create_dir_all(settings.home.join("tree/inner")).unwrap();
        let path = HomePath::inside("tree".to_owned()).unwrap();
        let begun = Removal::begin(None, path, true, &settings).unwrap();
        let mut removal = begun.unwrap();
        fs::rename(settings.home.join("tree"), settings.home.join("moved")).unwrap();
        fs::create_dir_all(settings.home.join("tree/new")).unwrap();
        let result = (0..10).find_map(|_| removal.step());
        assert_eq!(result, Some(Ok(Response::ack("remove"))));
        assert!(!settings.home.join("tree").exists());
        fs::remove_dir_all(&settings.home).unwrap();
    }

    #[test]
    fn step_deletes_a_bounded_number_of_entries() {
        let settings = settings("wide");
        let tree = settings.home.join("tree");
        fs::create_dir(&tree).unwrap();
        for number in 0..AT_ONCE * 3 {
            fs::write(Path::new(&tree).join(number.to_string()), "").unwrap();
        }
        assert!(remove(&settings, "tree") >= 3);
        fs::remove_dir_all(&settings.home).unwrap();
    }
}
