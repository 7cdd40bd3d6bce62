//! Temporary files for code.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::channel::Token;

/// A file with code. Dropping it deletes the file.
#[derive(Debug)]
pub struct Script {
    file: PathBuf,
    /// The directory that contains only the file, and is deleted with it.
    directory: Option<PathBuf>,
}

impl Script {
    /// Writes code to a new world-readable file in a new directory below `scratch`.
    ///
    /// The directory contains nothing else, because Python first searches the directory of the program for modules.
    ///
    /// # Errors
    ///
    /// The file could not be written.
    pub fn write(scratch: &Path, name: &str, code: &str) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let mut builder = fs::DirBuilder::new();
        builder.mode(0o755);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = scratch.join(number.to_string());
        builder.create(&directory).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            // Only the first file finds no parent.
            builder.recursive(true).create(&directory)
        })?;
        // From here on, dropping `script` deletes the directory.
        let script = Self {
            file: directory.join(name),
            directory: Some(directory),
        };
        io::Write::write_all(&mut new_file().open(&script.file)?, code.as_bytes())?;
        Ok(script)
    }

    /// Writes code to a new hidden world-readable file in a directory that user code may write to.
    ///
    /// # Errors
    ///
    /// The file could not be written.
    pub fn write_hidden(directory: &Path, extension: &str, code: &str) -> io::Result<Self> {
        // User code cannot predict the name and create a link.
        let token = Token::new()?;
        let name = format!(".main-{}.{extension}", &token.as_str()[..8]);
        let file = directory.join(name);
        let mut opened = new_file().open(&file)?;
        // From here on, dropping `script` deletes the file.
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
            // A search of the directory would take as long as all the rest.
            Some(directory) => fs::remove_file(&self.file)
                .and_then(|()| fs::remove_dir(directory))
                .or_else(|_| fs::remove_dir_all(directory)),
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

/// Returns options that create a new file. An existing link is an error.
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
    fn drop_deletes_file_and_directory() {
        let scratch = directory("own");
        let script = Script::write(&scratch, "main.py", "1").unwrap();
        assert_eq!(fs::read_to_string(script.path()).unwrap(), "1");
        drop(script);
        fs::remove_dir(&scratch).unwrap();
    }

    #[test]
    fn drop_deletes_only_own_hidden_file() {
        let home = directory("hidden");
        let script = Script::write_hidden(&home, "js", "1").unwrap();
        let other = Script::write_hidden(&home, "js", "2").unwrap();
        assert_ne!(script.path(), other.path());
        assert_eq!(fs::read_to_string(script.path()).unwrap(), "1");
        // User code may delete its file.
        fs::remove_file(other.path()).unwrap();
        drop((script, other));
        fs::remove_dir(&home).unwrap();
    }
}
