//! A file that a host reads.

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use protocol::response::{FileChunk, FileReadComplete};
use protocol::{limits, Error, ErrorType, HomePath, Response};

use crate::config::Config;
use crate::home::{self, AsUser};
use crate::send_queue::SendQueue;
use crate::zstd;

/// A file that the host reads.
pub(super) struct Download {
    pub(super) op_id: String,
    pub(super) begun: Instant,
    path: HomePath,
    file: File,
    sent: u64,
}

impl Download {
    pub(super) fn new(op_id: &str, path: HomePath, config: &Config) -> Result<Self, Error> {
        let _user = AsUser::new(config);
        let (file, size) =
            home::open_file(&config.home, &path).map_err(|error| home::failed(&path, &error))?;
        if size > limits::FILE {
            return Err(too_large());
        }
        Ok(Self {
            op_id: op_id.to_owned(),
            begun: Instant::now(),
            path,
            file,
            sent: 0,
        })
    }

    /// Sends a chunk, which is a block of the frame. Returns whether it was the last one.
    ///
    /// `buffer` stays while files are sent: new memory for each chunk costs more than all other work on it.
    pub(super) fn step(
        &mut self,
        queue: &mut SendQueue,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let start: &[u8] = if self.sent == 0 { &zstd::FRAME } else { &[] };
        let header = start.len()..start.len() + zstd::BLOCK_HEADER;
        let mut data = std::mem::take(buffer);
        data.resize(header.end + limits::FILE_CHUNK, 0);
        let failed = |error| home::failed(&self.path, &error);
        let count = self.file.read(&mut data[header.end..]).map_err(failed)?;
        self.sent += count as u64;
        if self.sent > limits::FILE {
            return Err(too_large());
        }
        data.truncate(header.end + count);
        data[..header.start].copy_from_slice(start);
        data[header].copy_from_slice(&zstd::block_header(count, count == 0));
        let response = Response::from(FileChunk { data });
        let mut line = queue.take_spare();
        response.write_line(Some(&self.op_id), &mut line);
        queue.push(line);
        queue.keep_spares(true);
        if let Response::FileChunk(FileChunk { data }) = response {
            *buffer = data;
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

fn too_large() -> Error {
    let message = format!("the file is larger than {} bytes", limits::FILE);
    Error::new(ErrorType::Io, message)
}
