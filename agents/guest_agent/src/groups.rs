//! Control groups, one for each program: nothing that it starts can leave that, unlike a process group or a session.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Most processes and threads of one program: half of what the user may have, so that a fork bomb leaves others alone.
const PROCESSES: u32 = 512;

/// Where the groups are made.
#[derive(Debug, Clone)]
pub struct Groups {
    folder: PathBuf,
    /// Groups whose last process has not quite gone.
    leaving: Arc<Mutex<Vec<PathBuf>>>,
}

/// A program's group. Whatever is in it ends with this value.
#[derive(Debug)]
pub struct Group {
    groups: Groups,
    folder: PathBuf,
    members: File,
    kill: File,
}

impl Groups {
    /// Sets up the making of groups in a folder of type cgroup2.
    ///
    /// # Errors
    ///
    /// It is no such folder, or the kernel lacks what a group needs: limits, and a way to end all that is in it.
    pub fn set_up(folder: &Path) -> io::Result<Self> {
        open(&folder.join("cgroup.subtree_control"))?.write_all(b"+pids")?;
        let groups = Self {
            folder: folder.to_owned(),
            leaving: Arc::default(),
        };
        groups.make()?;
        Ok(groups)
    }

    /// Makes an empty group.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn make(&self) -> io::Result<Group> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("program-{number}"));
        fs::create_dir(&folder)?;
        let files = || {
            open(&folder.join("pids.max"))?.write_all(PROCESSES.to_string().as_bytes())?;
            Ok((
                open(&folder.join("cgroup.procs"))?,
                open(&folder.join("cgroup.kill"))?,
            ))
        };
        match files() {
            Ok((members, kill)) => Ok(Group {
                groups: self.clone(),
                folder,
                members,
                kill,
            }),
            Err(error) => {
                self.remove(folder);
                Err(error)
            }
        }
    }

    /// Removes groups whose last process has gone meanwhile.
    pub fn sweep(&self) {
        self.leaving().retain(|folder| !is_removed(folder));
    }

    fn remove(&self, folder: PathBuf) {
        if !is_removed(&folder) {
            self.leaving().push(folder);
        }
    }

    fn leaving(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// Returns the file that a process joins the group by, writing a zero to it.
    pub fn members(&self) -> BorrowedFd<'_> {
        self.members.as_fd()
    }

    /// Ends everything in the group.
    pub fn kill(&self) {
        if let Err(error) = (&self.kill).write_all(b"1") {
            log!("cannot end {}: {error}", self.folder.display());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        self.groups.remove(std::mem::take(&mut self.folder));
    }
}

/// Opens a file of the kernel's: one that is not there is not made.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).open(path);
    file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Removes a group, unless a process is in it still.
fn is_removed(folder: &Path) -> bool {
    let result = fs::remove_dir(folder);
    !result.is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_folders_make_no_groups() {
        let folder = std::env::temp_dir().join(format!("groups-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let error = Groups::set_up(&folder).unwrap_err();
        assert!(error.to_string().contains("cgroup.subtree_control"));
        // Limits, but nothing to end a group by; nothing of it stays.
        fs::write(folder.join("cgroup.subtree_control"), "").unwrap();
        let error = Groups::set_up(&folder).unwrap_err();
        assert!(error.to_string().contains("pids.max"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
