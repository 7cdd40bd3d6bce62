//! File transfers between host and guest.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use protocol::response::{FileChunk, FileReadComplete, FileWriteAck};
use protocol::{limits, Error, ErrorType, HomePath, Response};

use crate::config::Config;
use crate::home::{self, AsUser, DirEntryAt};
use crate::send_queue::SendQueue;
use crate::sys;
use crate::zstd::{self, Decoder};

/// Undecoded bytes above which the agent handles no more requests.
const ROOM: usize = 256 << 10;

/// Most failed uploads whose rest the agent expects.
const FAILED: usize = 64;

/// A file that the host sends. It has a temporary name until it is complete. Dropping an incomplete upload deletes it.
struct Upload {
    op_id: String,
    begun: Instant,
    path: HomePath,
    executable: bool,
    decoder: Decoder,
    /// Chunks of the frame that wait for the decoder. It has already consumed `used` bytes of the first one.
    input: VecDeque<Vec<u8>>,
    used: usize,
    /// Whether the decoder has more blocks to decode.
    is_behind: bool,
    /// Whether the host has sent `file_end`.
    has_ended: bool,
    file: File,
    written: u64,
    temporary: DirEntryAt,
    target: DirEntryAt,
    config: Config,
}

impl Upload {
    fn new(op_id: &str, path: HomePath, executable: bool, config: &Config) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let _user = AsUser::new(config);
        let target = DirEntryAt::find(&config.home, &path, true)?;
        // The time makes the name distinct from files that a killed agent left behind.
        let (number, time) = (
            NEXT.fetch_add(1, Ordering::Relaxed),
            sys::unix_time().as_nanos(),
        );
        let temporary = target.sibling(&format!(".upload-{number}-{time:x}"))?;
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
            config: config.clone(),
        })
    }

    /// Decodes some blocks. `room` limits the window.
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
            // Either the next step continues, or the block is incomplete.
            if self.is_behind || self.input.is_empty() {
                return Ok(());
            }
        };
        let damaged = || Error::new(ErrorType::Protocol, format!("data: {why}"));
        Err(failure.unwrap_or_else(damaged))
    }

    /// Returns whether there are bytes to decode.
    fn is_decoding(&self) -> bool {
        self.is_behind || !self.input.is_empty()
    }

    fn finish(self) -> Result<Response, Error> {
        if !self.decoder.is_whole() {
            let message = "data: the zstd frame is incomplete";
            return Err(Error::new(ErrorType::Protocol, message));
        }
        let _user = AsUser::new(&self.config);
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
        let _user = AsUser::new(&self.config);
        // After renaming, the file does not exist, and this fails.
        let _ = self.temporary.unlink(false);
    }
}

/// A file that the host reads.
struct Download {
    op_id: String,
    begun: Instant,
    path: HomePath,
    file: File,
    sent: u64,
}

/// The buffers of a file's chunks, read and encoded. They stay while files are sent: new memory for each chunk costs more
/// than all other work on it.
#[derive(Default)]
struct Buffers {
    content: Vec<u8>,
    data: Vec<u8>,
}

impl Download {
    /// Sends a chunk. Returns whether it was the last one.
    fn step(&mut self, queue: &mut SendQueue, buffers: &mut Buffers) -> Result<bool, Error> {
        buffers.content.resize(limits::FILE_CHUNK, 0);
        let failed = |error| home::failed(&self.path, &error);
        let count = self.file.read(&mut buffers.content).map_err(failed)?;
        let mut data = std::mem::take(&mut buffers.data);
        data.clear();
        data.reserve_exact(count + 16);
        if self.sent == 0 {
            data.extend_from_slice(&zstd::FRAME);
        }
        zstd::add_block(&mut data, &buffers.content[..count], count == 0);
        self.sent += count as u64;
        if self.sent > limits::FILE {
            return Err(too_large());
        }
        let response = Response::from(FileChunk { data });
        let mut line = queue.take_spare();
        response.write_line(Some(&self.op_id), &mut line);
        queue.push(line);
        queue.keep_spare(true);
        if let Response::FileChunk(FileChunk { data }) = response {
            buffers.data = data;
        }
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
    // Hosts look for these words and then restart the upload.
    Error::new(ErrorType::Protocol, "No active write with this op_id")
}

fn too_large() -> Error {
    let message = format!("the file is larger than {} bytes", limits::FILE);
    Error::new(ErrorType::Io, message)
}

/// All file transfers of a host.
#[derive(Default)]
pub struct Transfers {
    uploads: Vec<Upload>,
    downloads: VecDeque<Download>,
    buffers: Buffers,
    /// Failed uploads whose rest may still come. The host gets only one error for each.
    failed: VecDeque<String>,
}

impl Transfers {
    /// Returns whether a transfer has an `op_id`.
    pub fn has(&self, op_id: &str) -> bool {
        self.uploads.iter().any(|upload| upload.op_id == op_id)
            || self
                .downloads
                .iter()
                .any(|download| download.op_id == op_id)
    }

    /// Returns whether there are files to send.
    pub fn is_sending(&self) -> bool {
        !self.downloads.is_empty()
    }

    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// The file cannot be created, or too many uploads run.
    pub fn begin_write(
        &mut self,
        op_id: &str,
        path: HomePath,
        executable: bool,
        config: &Config,
    ) -> Result<(), Error> {
        self.failed.retain(|failed| failed != op_id);
        let result = if self.uploads.len() >= limits::FILES {
            Err(Error::new(ErrorType::Request, "too many uploads run"))
        } else {
            Upload::new(op_id, path.clone(), executable, config)
                .map(|upload| self.uploads.push(upload))
                .map_err(|error| home::failed(&path, &error))
        };
        result.inspect_err(|_| self.expect_rest(op_id))
    }

    /// Adds a chunk to an upload.
    ///
    /// # Errors
    ///
    /// No upload has the `op_id`, the file cannot be written, or the chunk is damaged.
    pub fn add(&mut self, op_id: &str, data: Vec<u8>) -> Result<(), Error> {
        match self.upload(op_id) {
            Some(index) if self.uploads[index].has_ended => Err(no_write()),
            Some(index) => {
                self.uploads[index].input.push_back(data);
                self.decode(index)
            }
            // The upload has failed; the host sent this chunk before it received the error.
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

    /// Completes an upload. Returns `None` if the agent has yet to decode some of it.
    ///
    /// # Errors
    ///
    /// No upload has the `op_id`, it has failed, it is incomplete, or the file cannot be renamed.
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

    /// Decodes more blocks of uploads that are behind.
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

    /// Returns whether an upload has bytes to decode.
    pub fn is_decoding(&self) -> bool {
        self.uploads.iter().any(Upload::is_decoding)
    }

    /// Returns whether the agent may accept more data. Undecoded data takes memory.
    pub fn has_room(&self) -> bool {
        let waiting = self.uploads.iter().flat_map(|upload| &upload.input);
        waiting.map(Vec::len).sum::<usize>() < ROOM
    }

    fn upload(&self, op_id: &str) -> Option<usize> {
        self.uploads.iter().position(|upload| upload.op_id == op_id)
    }

    /// Drops the upload of a failed request, if there is one. A file that lacks a chunk must not be completed.
    pub fn fail(&mut self, op_id: &str) {
        if let Some(index) = self.upload(op_id) {
            self.uploads.swap_remove(index);
            self.expect_rest(op_id);
        }
    }

    /// Drops all uploads, because a failed line may have been a chunk of any of them.
    pub fn fail_all(&mut self) {
        while let Some(upload) = self.uploads.pop() {
            self.expect_rest(&upload.op_id);
        }
    }

    /// Records that the rest of a failed upload may come.
    fn expect_rest(&mut self, op_id: &str) {
        if self.failed.len() >= FAILED {
            self.failed.pop_front();
        }
        self.failed.push_back(op_id.to_owned());
    }

    /// Begins a download.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or too many downloads run.
    pub fn begin_read(
        &mut self,
        op_id: &str,
        path: HomePath,
        config: &Config,
    ) -> Result<(), Error> {
        if self.downloads.len() >= limits::FILES {
            return Err(Error::new(ErrorType::Request, "too many downloads run"));
        }
        let _user = AsUser::new(config);
        let (file, size) =
            home::open_file(&config.home, &path).map_err(|error| home::failed(&path, &error))?;
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

    /// Decodes some blocks of uploads, and sends chunks of all downloads in turn while there is room.
    pub fn step(&mut self, queue: &mut SendQueue) {
        self.step_uploads(queue);
        while queue.has_room() {
            let Some(mut download) = self.downloads.pop_front() else {
                break;
            };
            match download.step(queue, &mut self.buffers) {
                Ok(true) => {}
                Ok(false) => self.downloads.push_back(download),
                Err(error) => {
                    let response = Response::error(error, Some("read_file"), crate::VERSION);
                    queue.push(response.to_line(Some(&download.op_id)));
                }
            }
        }
        if self.downloads.is_empty() {
            self.buffers = Buffers::default();
            queue.keep_spare(false);
        }
    }

    /// Drops a transfer. Returns whether there was one.
    pub fn cancel(&mut self, op_id: &str) -> bool {
        let there = self.has(op_id);
        self.uploads.retain(|upload| upload.op_id != op_id);
        self.downloads.retain(|download| download.op_id != op_id);
        there
    }

    /// Returns the transfers of the next host, which began from `since` on. Drops the others.
    pub fn hand_over(mut self, since: Instant) -> Self {
        self.uploads.retain(|upload| upload.begun >= since);
        self.downloads.retain(|download| download.begun >= since);
        Self {
            failed: VecDeque::new(),
            ..self
        }
    }
}
