//! File transfers between host and guest.

mod download;
mod upload;

use std::collections::VecDeque;
use std::time::Instant;

use protocol::{limits, Error, ErrorType, HomePath, Response};

use self::download::Download;
use self::upload::Upload;
use crate::config::Config;
use crate::home;
use crate::send_queue::SendQueue;

/// Undecoded bytes above which the agent handles no more requests.
const ROOM: usize = 256 << 10;

/// Most failed uploads whose rest the agent expects.
const FAILED: usize = 64;

fn no_write() -> Error {
    // Hosts look for these words and then restart the upload.
    Error::new(ErrorType::Protocol, "No active write with this op_id")
}

/// All file transfers of a host.
#[derive(Default)]
pub struct Transfers {
    uploads: Vec<Upload>,
    downloads: VecDeque<Download>,
    buffer: Vec<u8>,
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

    /// Returns whether the host sends files.
    pub fn is_receiving(&self) -> bool {
        !self.uploads.is_empty()
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
        self.downloads
            .push_back(Download::new(op_id, path, config)?);
        Ok(())
    }

    /// Decodes some blocks of uploads, and sends chunks of all downloads in turn while there is room.
    pub fn step(&mut self, queue: &mut SendQueue) {
        self.step_uploads(queue);
        while queue.has_room() {
            let Some(mut download) = self.downloads.pop_front() else {
                break;
            };
            match download.step(queue, &mut self.buffer) {
                Ok(true) => {}
                Ok(false) => self.downloads.push_back(download),
                Err(error) => {
                    let response = Response::error(error, Some("read_file"), crate::VERSION);
                    queue.push(response.to_line(Some(&download.op_id)));
                }
            }
        }
        if self.downloads.is_empty() {
            self.buffer = Vec::new();
            queue.keep_spares(false);
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
