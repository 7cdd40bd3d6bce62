//! Zstd frames (RFC 8878) of files on the wire. It decodes block by block, and encodes stored blocks.

use std::io::Read;

use protocol::limits::WINDOW;
use ruzstd::FrameDecoder;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Longest block, in bytes.
const BLOCK: usize = 128 << 10;

/// Number of blocks that one step decodes, 2 MiB at most.
pub const BLOCKS: usize = 16;

/// Header of a frame: a window of 128 KiB, no size, no checksum.
pub const FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];

/// Length of a block's header.
pub const BLOCK_HEADER: usize = 3;

/// Returns the header of a stored block of `length` bytes, at most 128 KiB.
pub fn block_header(length: usize, last: bool) -> [u8; BLOCK_HEADER] {
    debug_assert!(length <= BLOCK);
    let [header @ .., _] = (((length as u32) << 3) | u32::from(last)).to_le_bytes();
    header
}

enum State {
    Header,
    Blocks { checksum: bool },
    Checksum,
    End,
}

/// Decodes one frame that arrives in chunks.
///
/// It passes one block at a time to the decoder, so that memory holds at most a window and a block: a few bytes may decode
/// to gigabytes.
pub struct Decoder {
    state: State,
    pending: Vec<u8>,
    window: u64,
    frame: FrameDecoder,
    /// Memory for decoded bytes. New memory for each block would cost more than its content.
    buffer: Vec<u8>,
}

impl Decoder {
    /// Creates a decoder.
    pub fn new() -> Self {
        Self {
            state: State::Header,
            pending: Vec::new(),
            window: 0,
            frame: FrameDecoder::new(),
            buffer: Vec::new(),
        }
    }

    /// Adds a chunk, and passes its decoded content to `take`.
    ///
    /// # Errors
    ///
    /// The data is not a frame or is damaged, the window is too large, or `take` returned an error.
    pub fn push(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = &rest[self.fill(rest)..];
            while self.decode(BLOCKS, WINDOW, &mut take)? {}
        }
        Ok(())
    }

    /// Adds the start of a chunk, at most two blocks, to avoid a second copy of a large chunk. Returns the number of bytes
    /// added. [`Decoder::decode`] makes room for more.
    pub fn fill(&mut self, piece: &[u8]) -> usize {
        let room = (2 * BLOCK).saturating_sub(self.pending.len());
        let count = piece.len().min(room);
        self.pending.extend_from_slice(&piece[..count]);
        count
    }

    /// Returns the size of the window, once the header is decoded.
    pub fn window(&self) -> u64 {
        self.window
    }

    /// Decodes at most `blocks` complete blocks. Returns whether there may be more.
    ///
    /// # Errors
    ///
    /// As for [`Decoder::push`], or the window is larger than `room`.
    pub fn decode(
        &mut self,
        blocks: usize,
        room: u64,
        take: &mut impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        let mut used = 0;
        let buffer = &mut self.buffer;
        buffer.resize(BLOCK, 0);
        let mut more = true;
        for _ in 0..blocks {
            let rest = &self.pending[used..];
            let count = match self.state {
                State::Header => header(rest, room)?,
                State::Blocks { .. } => block(rest)?.map(|length| (length, self.window)),
                State::Checksum => (rest.len() >= 4).then_some((4, self.window)),
                State::End if rest.is_empty() => None,
                State::End => return Err("data follows the frame".to_owned()),
            };
            let Some((count, window)) = count else {
                more = false;
                break;
            };
            self.window = window;
            let mut bytes = &rest[..count];
            used += count;
            match self.state {
                State::Header => {
                    self.frame.init(&mut bytes).map_err(text)?;
                    let checksum = self.pending[used - count + 4] & 4 != 0;
                    self.state = State::Blocks { checksum };
                }
                State::Blocks { checksum } => {
                    let last = bytes[0] & 1 != 0;
                    let (_, mut length) = self.frame.decode_from_to(bytes, buffer).map_err(text)?;
                    while length > 0 {
                        take(&buffer[..length])?;
                        length = self.frame.read(buffer).map_err(text)?;
                    }
                    if last {
                        self.state = if checksum {
                            State::Checksum
                        } else {
                            State::End
                        };
                    }
                }
                State::Checksum => {
                    let calculated = self.frame.get_calculated_checksum();
                    if calculated.is_some_and(|checksum| checksum.to_le_bytes() != bytes) {
                        return Err("the checksum does not match: the data is damaged".to_owned());
                    }
                    self.state = State::End;
                }
                State::End => {}
            }
        }
        self.pending.drain(..used);
        Ok(more)
    }

    /// Returns whether the frame is complete. No data counts as an empty file.
    pub fn is_whole(&self) -> bool {
        match self.state {
            State::Header => self.pending.is_empty(),
            State::End => true,
            _ => false,
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Returns the length of a complete header of a frame, and the size of the window.
fn header(bytes: &[u8], room: u64) -> Result<Option<(usize, u64)>, String> {
    let known = bytes.len().min(4);
    if bytes[..known] != MAGIC[..known] {
        return Err("not a zstd frame".to_owned());
    }
    let Some(&descriptor) = bytes.get(4) else {
        return Ok(None);
    };
    let single = descriptor & 0x20 != 0;
    if descriptor & 0x0b != 0 {
        return Err("the frame requires a dictionary or a newer decoder".to_owned());
    }
    let size_bytes = match descriptor >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let length = 5 + usize::from(!single) + size_bytes;
    if bytes.len() < length {
        return Ok(None);
    }
    let window = if single {
        let mut size = [0; 8];
        size[..size_bytes].copy_from_slice(&bytes[length - size_bytes..length]);
        u64::from_le_bytes(size).saturating_add(if size_bytes == 2 { 256 } else { 0 })
    } else {
        let base = 1_u64 << (10 + (bytes[5] >> 3));
        base + base / 8 * u64::from(bytes[5] & 7)
    };
    if window > WINDOW {
        return Err(format!(
            "the frame's window of {window} bytes is larger than {WINDOW}"
        ));
    }
    if window > room {
        return Err("the windows of all uploads together are too large".to_owned());
    }
    Ok(Some((length, window)))
}

/// Returns the length of a complete block with its header.
fn block(bytes: &[u8]) -> Result<Option<usize>, String> {
    let &[first, second, third, ..] = bytes else {
        return Ok(None);
    };
    let header = u32::from_le_bytes([first, second, third, 0]);
    let size = (header >> 3) as usize;
    let length = match (header >> 1) & 3 {
        _ if size > BLOCK => return Err("a block is larger than 128 KiB".to_owned()),
        1 => BLOCK_HEADER + 1,
        3 => return Err("a block has an unknown type".to_owned()),
        _ => BLOCK_HEADER + size,
    };
    Ok((bytes.len() >= length).then_some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(frame: &[u8], piece: usize) -> Result<Vec<u8>, String> {
        let mut decoder = Decoder::new();
        let mut content = Vec::new();
        for bytes in frame.chunks(piece) {
            decoder.push(bytes, |decoded| {
                content.extend_from_slice(decoded);
                if content.len() > 16 << 20 {
                    Err("enough".to_owned())
                } else {
                    Ok(())
                }
            })?;
        }
        if decoder.is_whole() {
            Ok(content)
        } else {
            Err("incomplete".to_owned())
        }
    }

    fn stored(content: &[u8]) -> Vec<u8> {
        let mut frame = FRAME.to_vec();
        for piece in content.chunks(BLOCK) {
            frame.extend_from_slice(&block_header(piece.len(), false));
            frame.extend_from_slice(piece);
        }
        frame.extend_from_slice(&block_header(0, true));
        frame
    }

    /// The output of the reference encoder for 1000 times "hello zstd ", with a checksum.
    const COMPRESSED: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x68, 0x9d, 0x00, 0x00, 0x58, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
        0x20, 0x7a, 0x73, 0x74, 0x64, 0x20, 0x01, 0x00, 0xea, 0xca, 0x7c, 0xf1, 0x02, 0xb4, 0x1b,
        0x76, 0x9d,
    ];

    #[test]
    fn push_decodes_stored_blocks() {
        for length in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let content: Vec<u8> = (0..length).map(|n| (n * 7 % 251) as u8).collect();
            for piece in [1000, 1 << 20] {
                assert_eq!(decode(&stored(&content), piece).unwrap(), content);
            }
        }
        assert_eq!(decode(&stored(b"in pieces"), 1).unwrap(), b"in pieces");
    }

    #[test]
    fn push_decodes_compressed_blocks() {
        for piece in [1, 3, 1000] {
            assert_eq!(
                decode(COMPRESSED, piece).unwrap(),
                b"hello zstd ".repeat(1000)
            );
        }
    }

    #[test]
    fn truncated_frame_is_incomplete() {
        for end in 1..COMPRESSED.len() {
            assert!(decode(&COMPRESSED[..end], 5).is_err(), "{end}");
        }
        assert!(decode(&[COMPRESSED, b"x"].concat(), 5).is_err());
    }

    #[test]
    fn push_stops_at_error_of_callback() {
        let mut frame = FRAME.to_vec();
        for _ in 0..100_000 {
            let header = ((BLOCK as u32) << 3) | (1 << 1);
            frame.extend_from_slice(&header.to_le_bytes()[..3]);
            frame.push(0);
        }
        assert_eq!(decode(&frame, 200_000).unwrap_err(), "enough");
    }

    #[test]
    fn push_rejects_wrong_checksum() {
        let mut damaged = COMPRESSED.to_vec();
        // Change a literal of the only block: the frame stays valid.
        damaged[11] ^= 1;
        assert!(decode(&damaged, 100).unwrap_err().contains("checksum"));
        let mut damaged = COMPRESSED.to_vec();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(decode(&damaged, 1).unwrap_err().contains("checksum"));
    }

    #[test]
    fn push_rejects_large_window() {
        for frame in [
            &[0x28, 0xb5, 0x2f, 0xfd, 0, 0xff][..],
            &[0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x7f],
        ] {
            assert!(decode(frame, 100).unwrap_err().contains("window"));
        }
    }

    /// A panic of the decoder would end the guest.
    #[test]
    fn push_does_not_panic_on_damaged_frames() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        for _ in 0..20_000 {
            let mut frame = COMPRESSED.to_vec();
            for _ in 0..1 + random() % 4 {
                let place = random() % frame.len();
                frame[place] = random() as u8;
            }
            let _ = decode(&frame, 1 + random() % 100);
        }
    }
}
