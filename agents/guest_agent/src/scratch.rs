//! Code as a file, for as long as it runs.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::channel::Token;

/// A file with code, which is deleted with this value.
#[derive(Debug)]
pub struct Script {
    file: PathBuf,
    /// The directory that holds nothing but the file, and is deleted too.
    directory: Option<PathBuf>,
}

impl Script {
    /// Writes code to a new file that everybody can read, in a directory of its own below `scratch`.
    ///
    /// The directory is its own because Python looks for modules beside a program first.
    ///
    /// # Errors
    ///
    /// The file could not be written.
    pub fn write(scratch: &Path, name: &str, code: &str) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let mut builder = fs::DirBuilder::new();
        builder.mode(0o755).recursive(true).create(scratch)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = scratch.join(number.to_string());
        builder.recursive(false).create(&directory)?;
        // From here on the directory is deleted again whatever happens.
        let script = Self {
            file: directory.join(name),
            directory: Some(directory),
        };
        io::Write::write_all(&mut new_file().open(&script.file)?, code.as_bytes())?;
        Ok(script)
    }

    /// Writes code to a new hidden file that everybody can read, in a directory that user code may write to.
    ///
    /// # Errors
    ///
    /// The file could not be written.
    pub fn write_hidden(directory: &Path, extension: &str, code: &str) -> io::Result<Self> {
        // Nobody can make a file or a link of this name before.
        let token = Token::new()?;
        let name = format!(".main-{}.{extension}", &token.as_str()[..8]);
        let file = directory.join(name);
        let mut opened = new_file().open(&file)?;
        // From here on the file is deleted again whatever happens.
        let script = Self {
            file,
            directory: None,
        };
        io::Write::write_all(&mut opened, code.as_bytes())?;
        Ok(script)
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let deleted = match &self.directory {
            Some(directory) => fs::remove_dir_all(directory),
            None => fs::remove_file(&self.file),
        };
        match deleted {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log!("cannot delete {}: {error}", self.file.display());
            }
            _ => {}
        }
    }
}

/// Returns how to make a file. A link in its place is an error.
fn new_file() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o644);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("scratch-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        path
    }

    #[test]
    fn write_deletes_file_and_directory_at_the_end() {
        let scratch = directory("own");
        let script = Script::write(&scratch, "main.py", "1").unwrap();
        assert_eq!(fs::read_to_string(script.path()).unwrap(), "1");
        drop(script);
        fs::remove_dir(&scratch).unwrap();
    }

    #[test]
    fn write_hidden_leaves_other_files_alone() {
        let home = directory("hidden");
        let script = Script::write_hidden(&home, "js", "1").unwrap();
        let other = Script::write_hidden(&home, "js", "2").unwrap();
        assert_ne!(script.path(), other.path());
        assert_eq!(fs::read_to_string(script.path()).unwrap(), "1");
        // User code may delete its own file.
        fs::remove_file(other.path()).unwrap();
        drop((script, other));
        fs::remove_dir(&home).unwrap();
    }
}
