//! Reads small files into a buffer, and writes them with one call.

use core::ffi::CStr;

use crate::sys::{open, Errno, Fd, Result};

/// Reads a whole file.
///
/// # Errors
///
/// [`Errno::FBIG`]: the file is longer than the buffer. A truncated file could have another meaning.
pub fn read<'a>(path: &CStr, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let file = Fd::open(path, open::READ)?;
    let length = fill(&file, buffer)?;
    if length == buffer.len() && file.read(&mut [0])? > 0 {
        return Err(Errno::FBIG);
    }
    Ok(&buffer[..length])
}

fn fill(file: &Fd, buffer: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

/// Returns whether a file exists. A link without its target counts as absent.
pub fn exists(path: &CStr) -> bool {
    const PATH: usize = 0o10_000_000;
    Fd::open(path, PATH).is_ok()
}

/// Writes a value to a file of `/proc` or `/sys` with a single call.
pub fn write(path: &CStr, value: &[u8]) -> Result<()> {
    Fd::open(path, open::WRITE)?.write(value).map(drop)
}
