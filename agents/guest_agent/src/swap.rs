//! Swap in compressed memory.

use std::ffi::{CStr, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::sys;

const DEVICE: &CStr = c"/dev/zram0";
const DISK: &str = "/sys/block/zram0";

/// Compression algorithms, the preferred one first.
const ALGORITHMS: [&str; 4] = ["lz4", "lzo-rle", "lzo", "zstd"];

/// Length of the swap header without the zeros and the signature at the end of the page.
const HEADER: usize = 1024 + 12;

/// Last bytes of the first page of a swap space, version 2.
const SIGNATURE: &[u8; 10] = b"SWAPSPACE2";

/// Sets up swap of two fifths of the memory, which takes at most a fifth of it. Logs a failure.
pub fn set_up() {
    // The driver is neither a module nor built in.
    if !Path::new(DISK).exists() {
        log!("zram: not in this image");
        return;
    }
    if let Err(error) = swap_on().and_then(|()| tune()) {
        log!("zram: cannot {error}");
    }
}

fn swap_on() -> io::Result<()> {
    /// Flag of `swapon` for an explicit priority, and the priority.
    const PRIORITY: libc::c_int = 0x8000 | 100;

    step("choose an algorithm", choose_algorithm())?;
    let fifth = sys::memory() / 5;
    let size = fifth * 2;
    step("size it", write(&format!("{DISK}/disksize"), size))?;
    // Incompressible pages would use up the memory that swap is to save.
    step("limit it", write(&format!("{DISK}/mem_limit"), fifth))?;
    step("write the swap header", write_header(size))?;
    // SAFETY: the path ends with a zero byte.
    let swapped = sys::check(unsafe { libc::swapon(DEVICE.as_ptr(), PRIORITY) });
    step("start it", swapped.map(drop))
}

fn choose_algorithm() -> io::Result<()> {
    let path = format!("{DISK}/comp_algorithm");
    let mut result = Ok(());
    for name in ALGORITHMS {
        result = fs::write(&path, name);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn write_header(size: u64) -> io::Result<()> {
    // SAFETY: the call takes a number only.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    let header = header(size, page).ok_or(io::ErrorKind::InvalidInput)?;
    let path = OsStr::from_bytes(DEVICE.to_bytes());
    // The header must be on the device before `swapon`: closing a block device writes all pending data.
    let device: File = OpenOptions::new().read(true).write(true).open(path)?;
    device.write_all_at(&header, 0)?;
    device.write_all_at(SIGNATURE, page - SIGNATURE.len() as u64)
}

/// Returns the start of a swap space: version 1 of the structure, the number of the last page, no bad pages.
///
/// Returns `None` if the size has no page after the header.
fn header(size: u64, page: u64) -> Option<[u8; HEADER]> {
    let last = size.checked_div(page)?.checked_sub(1)?;
    let last = u32::try_from(last).ok().filter(|&last| last > 0)?;
    let mut header = [0; HEADER];
    // The kernel reads the structure in native byte order.
    header[1024..1028].copy_from_slice(&1u32.to_ne_bytes());
    header[1028..1032].copy_from_slice(&last.to_ne_bytes());
    Some(header)
}

/// Tunes the kernel's swapping.
fn tune() -> io::Result<()> {
    // Read-ahead and reluctance to swap suit disks, not memory. Compression needs memory exactly when it is scarce.
    let reserve = sys::memory() / 1024 * 4 / 100;
    for (name, value) in [
        ("page-cluster", 0),
        ("swappiness", 180),
        ("min_free_kbytes", reserve),
    ] {
        let written = write(&format!("/proc/sys/vm/{name}"), value);
        step("tune the kernel's swapping", written)?;
    }
    Ok(())
}

fn write(path: &str, number: u64) -> io::Result<()> {
    fs::write(path, number.to_string())
}

fn step(what: &str, result: io::Result<()>) -> io::Result<()> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_the_last_page() {
        let header = header(128 << 20, 4096).unwrap();
        assert_eq!(header[..1024], [0; 1024]);
        assert_eq!(header[1024..1028], 1u32.to_ne_bytes());
        assert_eq!(header[1028..1032], (32 * 1024 - 1u32).to_ne_bytes());
        assert_eq!(header[1032..], [0; 4]);
    }

    #[test]
    fn header_rejects_invalid_sizes() {
        assert!(header(4096, 4096).is_none());
        assert!(header(0, 4096).is_none());
        assert!(header(1 << 20, 0).is_none());
        assert!(header(u64::MAX, 4096).is_none());
    }
}
