//! A file that a host sends.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use protocol::response::FileWriteAck;
use protocol::{limits, Error, ErrorType, HomePath, Response};

use crate::config::Config;
use crate::home::{self, AsUser, DirEntryAt};
use crate::sys;
use crate::zstd::{self, Decoder};

/// A file that the host sends. It has a temporary name until it is complete. Dropping an incomplete upload deletes it.
pub(super) struct Upload {
    pub(super) op_id: String,
    pub(super) begun: Instant,
    path: HomePath,
    executable: bool,
    pub(super) decoder: Decoder,
    /// Chunks of the frame that wait for the decoder. It has already consumed `used` bytes of the first one.
    pub(super) input: VecDeque<Vec<u8>>,
    used: usize,
    /// Whether the decoder has more blocks to decode.
    is_behind: bool,
    /// Whether the host has sent `file_end`.
    pub(super) has_ended: bool,
    file: File,
    written: u64,
    temporary: DirEntryAt,
    target: DirEntryAt,
    config: Config,
}

impl Upload {
    pub(super) fn new(
        op_id: &str,
        path: HomePath,
        executable: bool,
        config: &Config,
    ) -> io::Result<Self> {
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
    pub(super) fn decode(&mut self, room: u64) -> Result<(), Error> {
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
    pub(super) fn is_decoding(&self) -> bool {
        self.is_behind || !self.input.is_empty()
    }

    pub(super) fn finish(self) -> Result<Response, Error> {
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
