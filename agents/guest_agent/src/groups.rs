//! Control groups, one for each program. Unlike a process group or a session, processes cannot leave it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Most processes and threads of one program: half of the user's limit, so that a fork bomb leaves room for others.
const PROCESSES: u32 = 512;

/// The parent of the groups.
#[derive(Debug, Clone)]
pub struct Groups {
    directory: PathBuf,
    /// Groups to remove when their last process has ended.
    leaving: Arc<Mutex<Vec<PathBuf>>>,
}

/// A program's group. Dropping it kills all its processes.
#[derive(Debug)]
pub struct Group {
    groups: Groups,
    directory: PathBuf,
    members: File,
    kill: File,
}

impl Groups {
    /// Prepares a cgroup2 directory for groups.
    ///
    /// # Errors
    ///
    /// The directory is not cgroup2, or the kernel does not support limits of processes or `cgroup.kill`.
    pub fn set_up(directory: &Path) -> io::Result<Self> {
        open(&directory.join("cgroup.subtree_control"))?.write_all(b"+pids")?;
        let groups = Self {
            directory: directory.to_owned(),
            leaving: Arc::default(),
        };
        groups.create()?;
        Ok(groups)
    }

    /// Creates an empty group.
    ///
    /// # Errors
    ///
    /// The kernel could not create it.
    pub fn create(&self) -> io::Result<Group> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.join(format!("program-{number}"));
        fs::create_dir(&directory)?;
        let files = || {
            open(&directory.join("pids.max"))?.write_all(PROCESSES.to_string().as_bytes())?;
            Ok((
                open(&directory.join("cgroup.procs"))?,
                open(&directory.join("cgroup.kill"))?,
            ))
        };
        match files() {
            Ok((members, kill)) => Ok(Group {
                groups: self.clone(),
                directory,
                members,
                kill,
            }),
            Err(error) => {
                self.remove(directory);
                Err(error)
            }
        }
    }

    /// Removes groups whose last process has ended.
    pub fn sweep(&self) {
        self.leaving().retain(|directory| !is_removed(directory));
    }

    fn remove(&self, directory: PathBuf) {
        if !is_removed(&directory) {
            self.leaving().push(directory);
        }
    }

    fn leaving(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// Returns the file to which a process writes a zero to join the group.
    pub fn members(&self) -> BorrowedFd<'_> {
        self.members.as_fd()
    }

    /// Kills all processes of the group.
    pub fn kill(&self) {
        if let Err(error) = (&self.kill).write_all(b"1") {
            log!("cannot kill {}: {error}", self.directory.display());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        self.groups.remove(std::mem::take(&mut self.directory));
    }
}

/// Opens an existing file of the kernel.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).open(path);
    file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Removes a group, unless it still has a process.
fn is_removed(directory: &Path) -> bool {
    let result = fs::remove_dir(directory);
    !result.is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_up_rejects_other_directories() {
        let directory = std::env::temp_dir().join(format!("groups-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let error = Groups::set_up(&directory).unwrap_err();
        assert!(error.to_string().contains("cgroup.subtree_control"));
        // The directory lacks pids.max; set_up leaves no group behind.
        fs::write(directory.join("cgroup.subtree_control"), "").unwrap();
        let error = Groups::set_up(&directory).unwrap_err();
        assert!(error.to_string().contains("pids.max"));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_dir_all(directory).unwrap();
    }
}
