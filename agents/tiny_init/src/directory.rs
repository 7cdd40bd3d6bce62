//! Reads directories.

use core::ffi::CStr;

use crate::sys::{Fd, Result};

/// Calls `visit` for each entry of an open directory except `.` and `..`.
///
/// `visit` is a trait object: a type parameter would add a copy of this function for each caller.
pub fn each(directory: &Fd, visit: &mut dyn FnMut(&CStr)) -> Result<()> {
    // Has the alignment of the kernel's structure, and room for several entries: a name has at most 255 bytes.
    #[repr(align(8))]
    struct Buffer([u8; 1024]);

    let mut buffer = Buffer([0; 1024]);
    loop {
        let length = directory.entries(&mut buffer.0)?;
        let mut entries = &buffer.0[..length];
        if entries.is_empty() {
            return Ok(());
        }
        // An entry consists of number and offset (8 bytes each), length (2), type (1), name and a zero byte.
        while entries.len() > 19 {
            let size = usize::from(u16::from_le_bytes([entries[16], entries[17]]));
            let (entry, rest) = entries.split_at(size.clamp(19, entries.len()));
            entries = rest;
            let Ok(name) = CStr::from_bytes_until_nul(&entry[19..]) else {
                continue;
            };
            if name != c"." && name != c".." {
                visit(name);
            }
        }
    }
}
