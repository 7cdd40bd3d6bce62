//! Reading folders.

use core::ffi::CStr;

use crate::sys::{Fd, Result};

/// Calls `visit` for each entry of an open folder but `.` and `..`.
///
/// Without a type parameter, of which each use would be another copy of this in the program.
pub fn each(folder: &Fd, visit: &mut dyn FnMut(&CStr)) -> Result<()> {
    // Aligned as the kernel's structure is, with room for several entries: a name has at most 255 bytes.
    #[repr(align(8))]
    struct Buffer([u8; 1024]);

    let mut buffer = Buffer([0; 1024]);
    loop {
        let length = folder.entries(&mut buffer.0)?;
        let mut entries = &buffer.0[..length];
        if entries.is_empty() {
            return Ok(());
        }
        // An entry: number and offset with 8 bytes each, its length with 2, its type with 1, its name, a zero byte.
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
