//! Files on their way to and from the host.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use protocol::{limits, Answer, Error, ErrorType, HomePath};

use crate::home::{self, AsUser, Place};
use crate::outbox::Outbox;
use crate::settings::Settings;
use crate::zstd::{self, Decoder};

/// Most files in each direction at the same time.
const AT_ONCE: usize = 8;

/// Most failed files of which the rest is expected.
const FAILED: usize = 64;

/// A file that the host sends. It has a name of its own until it is whole; dropped before, it is deleted.
struct Upload {
    op_id: String,
    begun: Instant,
    path: HomePath,
    executable: bool,
    decoder: Decoder,
    file: File,
    written: u64,
    temporary: Place,
    target: Place,
    settings: Settings,
}

impl Upload {
    fn new(op_id: &str, path: HomePath, executable: bool, settings: &Settings) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let _user = AsUser::new(settings);
        let target = Place::find(&settings.home, &path, true)?;
        // The time keeps it apart from what an agent left behind that was switched off.
        let (number, time) = (NEXT.fetch_add(1, Ordering::Relaxed), nanoseconds());
        let temporary = target.beside(&format!(".upload-{number}-{time:x}"))?;
        Ok(Self {
            op_id: op_id.to_owned(),
            begun: Instant::now(),
            path,
            executable,
            decoder: Decoder::new(),
            file: temporary.create(0o600)?,
            written: 0,
            temporary,
            target,
            settings: settings.clone(),
        })
    }

    fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        let (file, written) = (&mut self.file, &mut self.written);
        let mut failure = None;
        let result = self.decoder.push(data, |bytes| {
            *written += bytes.len() as u64;
            let result = if *written > limits::FILE {
                Err(Error::new(
                    ErrorType::Validation,
                    format!("the file is larger than {} bytes", limits::FILE),
                ))
            } else {
                file.write_all(bytes)
                    .map_err(|error| home::failed(&self.path, &error))
            };
            result.map_err(|error| {
                failure = Some(error);
                String::new()
            })
        });
        result.map_err(|why| {
            failure.unwrap_or_else(|| Error::new(ErrorType::Protocol, format!("data: {why}")))
        })
    }

    fn finish(self) -> Result<Answer, Error> {
        if !self.decoder.is_whole() {
            let message = "data: the zstd frame is not whole";
            return Err(Error::new(ErrorType::Protocol, message));
        }
        let _user = AsUser::new(&self.settings);
        let mode = if self.executable { 0o755 } else { 0o644 };
        let result = self
            .file
            .set_permissions(PermissionsExt::from_mode(mode))
            .and_then(|()| self.temporary.rename(&self.target));
        result.map_err(|error| home::failed(&self.path, &error))?;
        Ok(Answer::FileWritten {
            path: self.path.as_str().to_owned(),
            bytes_written: self.written,
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let _user = AsUser::new(&self.settings);
        // After the renaming there is no such file.
        let _ = self.temporary.unlink(false);
    }
}

/// A file that the host gets.
struct Download {
    op_id: String,
    begun: Instant,
    path: HomePath,
    file: File,
    sent: u64,
}

impl Download {
    /// Sends a piece. Returns whether it was the last.
    fn step(&mut self, outbox: &mut Outbox) -> Result<bool, Error> {
        let mut content = vec![0; limits::FILE_CHUNK];
        let failed = |error| home::failed(&self.path, &error);
        let count = self.file.read(&mut content).map_err(failed)?;
        let mut data = Vec::with_capacity(count + 16);
        if self.sent == 0 {
            data.extend_from_slice(&zstd::FRAME);
        }
        zstd::add_block(&mut data, &content[..count], count == 0);
        self.sent += count as u64;
        if self.sent > limits::FILE {
            return Err(too_large());
        }
        outbox.push(Answer::FileChunk { data }.to_line(Some(&self.op_id)));
        if count > 0 {
            return Ok(false);
        }
        let answer = Answer::FileRead {
            path: self.path.as_str().to_owned(),
            size: self.sent,
        };
        outbox.push(answer.to_line(Some(&self.op_id)));
        Ok(true)
    }
}

fn too_large() -> Error {
    let message = format!("the file is larger than {} bytes", limits::FILE);
    Error::new(ErrorType::Io, message)
}

fn nanoseconds() -> u128 {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    time.unwrap_or_default().as_nanos()
}

/// Files on their way.
#[derive(Default)]
pub struct Transfers {
    uploads: Vec<Upload>,
    downloads: VecDeque<Download>,
    /// Files that failed, of which more may come: the host is told once.
    failed: VecDeque<String>,
}

impl Transfers {
    /// Returns whether a file of this name is on its way.
    pub fn has(&self, op_id: &str) -> bool {
        self.uploads.iter().any(|upload| upload.op_id == op_id)
            || self
                .downloads
                .iter()
                .any(|download| download.op_id == op_id)
    }

    /// Returns whether there is something to send.
    pub fn is_sending(&self) -> bool {
        !self.downloads.is_empty()
    }

    /// Begins to take a file.
    ///
    /// # Errors
    ///
    /// It cannot be made, or too many are on their way.
    pub fn begin_write(
        &mut self,
        op_id: &str,
        path: HomePath,
        executable: bool,
        settings: &Settings,
    ) -> Result<(), Error> {
        self.failed.retain(|failed| failed != op_id);
        let result = if self.uploads.len() >= AT_ONCE {
            Err(Error::new(ErrorType::Request, "too many files are written"))
        } else {
            Upload::new(op_id, path.clone(), executable, settings)
                .map(|upload| self.uploads.push(upload))
                .map_err(|error| home::failed(&path, &error))
        };
        result.inspect_err(|_| self.fail(op_id))
    }

    /// Adds to a file.
    ///
    /// # Errors
    ///
    /// There is no such file, or it cannot be written. After that the rest of it is dropped without a word.
    pub fn add(&mut self, op_id: &str, data: &[u8]) -> Result<(), Error> {
        let Some(index) = self.index(op_id)? else {
            return Ok(());
        };
        self.uploads[index].add(data).inspect_err(|_| {
            self.uploads.swap_remove(index);
            self.fail(op_id);
        })
    }

    /// Puts a file in its place. `None` if it failed before.
    ///
    /// # Errors
    ///
    /// There is no such file, or it is not whole, or cannot be put there.
    pub fn end(&mut self, op_id: &str) -> Result<Option<Answer>, Error> {
        let Some(index) = self.index(op_id)? else {
            self.failed.retain(|failed| failed != op_id);
            return Ok(None);
        };
        self.uploads.swap_remove(index).finish().map(Some)
    }

    fn index(&self, op_id: &str) -> Result<Option<usize>, Error> {
        let index = self.uploads.iter().position(|upload| upload.op_id == op_id);
        if index.is_none() && !self.failed.iter().any(|failed| failed == op_id) {
            // Hosts look for these words, and begin again.
            let message = "No active write with this op_id";
            return Err(Error::new(ErrorType::Protocol, message));
        }
        Ok(index)
    }

    fn fail(&mut self, op_id: &str) {
        if self.failed.len() >= FAILED {
            self.failed.pop_front();
        }
        self.failed.push_back(op_id.to_owned());
    }

    /// Begins to send a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or too many are on their way.
    pub fn begin_read(
        &mut self,
        op_id: &str,
        path: HomePath,
        settings: &Settings,
    ) -> Result<(), Error> {
        if self.downloads.len() >= AT_ONCE {
            return Err(Error::new(ErrorType::Request, "too many files are read"));
        }
        let _user = AsUser::new(settings);
        let (file, size) =
            home::open_file(&settings.home, &path).map_err(|error| home::failed(&path, &error))?;
        if size > limits::FILE {
            return Err(too_large());
        }
        self.downloads.push_back(Download {
            op_id: op_id.to_owned(),
            begun: Instant::now(),
            path,
            file,
            sent: 0,
        });
        Ok(())
    }

    /// Sends as much as there is room for, of all files in turn.
    pub fn step(&mut self, outbox: &mut Outbox) {
        while outbox.has_room() {
            let Some(mut download) = self.downloads.pop_front() else {
                return;
            };
            match download.step(outbox) {
                Ok(true) => {}
                Ok(false) => self.downloads.push_back(download),
                Err(error) => {
                    let answer = Answer::Error {
                        error,
                        version: crate::VERSION,
                    };
                    outbox.push(answer.to_line(Some(&download.op_id)));
                }
            }
        }
    }

    /// Forgets a file. Returns whether there was one.
    pub fn cancel(&mut self, op_id: &str) -> bool {
        let there = self.has(op_id);
        self.uploads.retain(|upload| upload.op_id != op_id);
        self.downloads.retain(|download| download.op_id != op_id);
        there
    }

    /// Forgets what was begun before a time: the host is gone.
    pub fn forget(&mut self, before: Instant) {
        self.uploads.retain(|upload| upload.begun >= before);
        self.downloads.retain(|download| download.begun >= before);
        self.failed.clear();
    }
}
