//! Files on their way to and from the host.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use protocol::response::{FileChunk, FileReadComplete, FileWriteAck};
use protocol::{limits, Error, ErrorType, HomePath, Response};

use crate::home::{self, AsUser, Place};
use crate::send_queue::SendQueue;
use crate::settings::Settings;
use crate::sys;
use crate::zstd::{self, Decoder};

/// Bytes that may wait to be decoded before the agent takes no more requests.
const ROOM: usize = 256 << 10;

/// Most failed files of which the rest is expected.
const FAILED: usize = 64;

/// A file that the host sends. It has a name of its own until it is whole; dropped before, it is deleted.
struct Upload {
    op_id: String,
    begun: Instant,
    path: HomePath,
    executable: bool,
    decoder: Decoder,
    /// Pieces of the frame that the decoder does not have yet, and how much of the first one it has.
    input: VecDeque<Vec<u8>>,
    used: usize,
    /// Whether the decoder has blocks that it has not decoded.
    is_behind: bool,
    /// Whether the host has sent all.
    has_ended: bool,
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
        let (number, time) = (
            NEXT.fetch_add(1, Ordering::Relaxed),
            sys::unix_time().as_nanos(),
        );
        let temporary = target.beside(&format!(".upload-{number}-{time:x}"))?;
        Ok(Self {
            op_id: op_id.to_owned(),
            begun: Instant::now(),
            path,
            executable,
            decoder: Decoder::new(),
            input: VecDeque::new(),
            used: 0,
            is_behind: false,
            has_ended: false,
            file: temporary.create(0o600)?,
            written: 0,
            temporary,
            target,
            settings: settings.clone(),
        })
    }

    /// Decodes some of what came. `room` is what its window may have.
    fn decode(&mut self, room: u64) -> Result<(), Error> {
        let (file, written) = (&mut self.file, &mut self.written);
        let mut failure = None;
        let mut take = |bytes: &[u8]| {
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
        };
        let why = loop {
            if let Some(piece) = self.input.front() {
                self.used += self.decoder.fill(&piece[self.used..]);
                if self.used == piece.len() {
                    self.input.pop_front();
                    self.used = 0;
                }
            }
            match self.decoder.decode(zstd::BLOCKS, room, &mut take) {
                Ok(more) => self.is_behind = more,
                Err(why) => break why,
            }
            // Either there is more for the next step, or the block waits for its rest.
            if self.is_behind || self.input.is_empty() {
                return Ok(());
            }
        };
        let damaged = || Error::new(ErrorType::Protocol, format!("data: {why}"));
        Err(failure.unwrap_or_else(damaged))
    }

    /// Returns whether there is something to decode.
    fn is_decoding(&self) -> bool {
        self.is_behind || !self.input.is_empty()
    }

    fn finish(self) -> Result<Response, Error> {
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
        Ok(FileWriteAck {
            path: self.path.as_str().to_owned(),
            bytes_written: self.written,
        }
        .into())
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
    fn step(&mut self, queue: &mut SendQueue) -> Result<bool, Error> {
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
        queue.push(Response::from(FileChunk { data }).to_line(Some(&self.op_id)));
        if count > 0 {
            return Ok(false);
        }
        let response = Response::from(FileReadComplete {
            path: self.path.as_str().to_owned(),
            size: self.sent,
        });
        queue.push(response.to_line(Some(&self.op_id)));
        Ok(true)
    }
}

fn no_write() -> Error {
    // Hosts look for these words, and begin again.
    Error::new(ErrorType::Protocol, "No active write with this op_id")
}

fn too_large() -> Error {
    let message = format!("the file is larger than {} bytes", limits::FILE);
    Error::new(ErrorType::Io, message)
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
        let result = if self.uploads.len() >= limits::FILES {
            Err(Error::new(ErrorType::Request, "too many files are written"))
        } else {
            Upload::new(op_id, path.clone(), executable, settings)
                .map(|upload| self.uploads.push(upload))
                .map_err(|error| home::failed(&path, &error))
        };
        result.inspect_err(|_| self.expect_rest(op_id))
    }

    /// Adds to a file.
    ///
    /// # Errors
    ///
    /// There is no such file, or it cannot be written, or the piece is damaged.
    pub fn add(&mut self, op_id: &str, data: Vec<u8>) -> Result<(), Error> {
        match self.upload(op_id) {
            Some(index) if self.uploads[index].has_ended => Err(no_write()),
            Some(index) => {
                self.uploads[index].input.push_back(data);
                self.decode(index)
            }
            // More of a file that failed: the host has been told, and sent this before it read the error.
            None if self.failed.iter().any(|failed| failed == op_id) => Ok(()),
            None => Err(no_write()),
        }
    }

    fn decode(&mut self, index: usize) -> Result<(), Error> {
        let mut others = 0;
        for (other, upload) in self.uploads.iter().enumerate() {
            others += if other == index {
                0
            } else {
                upload.decoder.window()
            };
        }
        self.uploads[index].decode(limits::WINDOWS.saturating_sub(others))
    }

    /// Puts a file in place. Returns nothing if some of it is not decoded yet.
    ///
    /// # Errors
    ///
    /// There is no such file, or it failed before, or it is not whole, or it cannot be put there.
    pub fn end(&mut self, op_id: &str) -> Result<Option<Response>, Error> {
        self.failed.retain(|failed| failed != op_id);
        let index = self.upload(op_id).ok_or_else(no_write)?;
        if self.uploads[index].has_ended {
            return Err(no_write());
        }
        if self.uploads[index].is_decoding() {
            self.uploads[index].has_ended = true;
            return Ok(None);
        }
        self.uploads.swap_remove(index).finish().map(Some)
    }

    /// Decodes some more of the files that came faster than they can be decoded.
    fn step_uploads(&mut self, queue: &mut SendQueue) {
        let respond = |queue: &mut SendQueue, action, op_id: &str, error| {
            let response = Response::error(error, Some(action), crate::VERSION);
            queue.push(response.to_line(Some(op_id)));
        };
        for index in (0..self.uploads.len()).rev() {
            if !self.uploads[index].is_decoding() {
                continue;
            }
            if let Err(error) = self.decode(index) {
                let upload = self.uploads.swap_remove(index);
                respond(queue, "file_chunk", &upload.op_id, error);
                if upload.has_ended {
                    respond(queue, "file_end", &upload.op_id, no_write());
                } else {
                    self.expect_rest(&upload.op_id);
                }
            } else if self.uploads[index].has_ended && !self.uploads[index].is_decoding() {
                let upload = self.uploads.swap_remove(index);
                let op_id = upload.op_id.clone();
                match upload.finish() {
                    Ok(response) => queue.push(response.to_line(Some(&op_id))),
                    Err(error) => respond(queue, "file_end", &op_id, error),
                }
            }
        }
    }

    /// Returns whether something waits to be decoded.
    pub fn is_decoding(&self) -> bool {
        self.uploads.iter().any(Upload::is_decoding)
    }

    /// Returns whether more should be taken: what waits to be decoded is in memory.
    pub fn has_room(&self) -> bool {
        let waiting = self.uploads.iter().flat_map(|upload| &upload.input);
        waiting.map(Vec::len).sum::<usize>() < ROOM
    }

    fn upload(&self, op_id: &str) -> Option<usize> {
        self.uploads.iter().position(|upload| upload.op_id == op_id)
    }

    /// Drops the file that a failed request was for, if it was for one. A file without one of its pieces must not be put
    /// in place.
    pub fn fail(&mut self, op_id: &str) {
        if let Some(index) = self.upload(op_id) {
            self.uploads.swap_remove(index);
            self.expect_rest(op_id);
        }
    }

    /// Drops all files that are written: a request failed that may have been for any of them.
    pub fn fail_all(&mut self) {
        while let Some(upload) = self.uploads.pop() {
            self.expect_rest(&upload.op_id);
        }
    }

    /// Notes that more of a failed file may come.
    fn expect_rest(&mut self, op_id: &str) {
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
        if self.downloads.len() >= limits::FILES {
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

    /// Sends as much as there is room for, of all files in turn, and decodes some of those that come.
    pub fn step(&mut self, queue: &mut SendQueue) {
        self.step_uploads(queue);
        while queue.has_room() {
            let Some(mut download) = self.downloads.pop_front() else {
                return;
            };
            match download.step(queue) {
                Ok(true) => {}
                Ok(false) => self.downloads.push_back(download),
                Err(error) => {
                    let response = Response::error(error, Some("read_file"), crate::VERSION);
                    queue.push(response.to_line(Some(&download.op_id)));
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

    /// Returns the transfers of the next host, which began since it came. The others end.
    pub fn succeed(mut self, since: Instant) -> Self {
        self.uploads.retain(|upload| upload.begun >= since);
        self.downloads.retain(|download| download.begun >= since);
        Self {
            failed: VecDeque::new(),
            ..self
        }
    }
}
