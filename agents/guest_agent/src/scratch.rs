//! Code as a file, for as long as it runs.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file with code, in a folder of its own. Both are deleted with this value.
///
/// Its own, because Python looks for modules beside a program first.
#[derive(Debug)]
pub struct Script {
    folder: PathBuf,
    file: PathBuf,
}

impl Script {
    /// Writes code to a new file that everybody can read.
    pub fn write(scratch: &Path, name: &str, code: &str) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let mut builder = fs::DirBuilder::new();
        builder.mode(0o755).recursive(true).create(scratch)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = scratch.join(number.to_string());
        builder.recursive(false).create(&folder)?;
        // From here on the folder is deleted again whatever happens.
        let script = Self {
            file: folder.join(name),
            folder,
        };
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o644);
        io::Write::write_all(&mut options.open(&script.file)?, code.as_bytes())?;
        Ok(script)
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            log!("cannot delete {}: {error}", self.folder.display());
        }
    }
}
