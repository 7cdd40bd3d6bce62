//! Small files: read whole into a buffer, or written with one call.

use core::ffi::CStr;

use crate::sys::{open, Fd, Result};

/// Reads a file from its beginning, as far as the buffer goes.
pub fn read<'a>(path: &CStr, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    read_open(&Fd::open(path, open::READ)?, buffer)
}

/// Reads an open file from where it stands, as far as the buffer goes.
pub fn read_open<'a>(file: &Fd, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(&buffer[..length])
}

/// Writes a value to a file of `/proc` or `/sys`, which want it in one piece.
pub fn write(path: &CStr, value: &[u8]) -> Result<()> {
    Fd::open(path, open::WRITE)?.write(value).map(drop)
}
