//! Compressed swap in memory: sizes and the header that makes a device swap space.

/// Compression algorithms, the preferred one first.
pub const ALGORITHMS: [&str; 4] = ["lz4", "lzo-rle", "lzo", "zstd"];

/// Smallest and largest size of a page that the kernel may have.
const PAGES: core::ops::RangeInclusive<usize> = 4096..=65536;

/// Length of the part of a swap header that is not zero, but for the signature at the page's end.
pub const HEADER: usize = 1024 + 12;

/// What marks a version-2 swap space; the last bytes of its first page.
pub const SIGNATURE: &[u8; 10] = b"SWAPSPACE2";

/// Returns the first bytes of a swap space: version 1 of the structure, the last page's number, no bad pages.
///
/// `None` when sizes make no sense: swap of a single page has room for nothing but its header.
pub fn header(size: u64, page: usize) -> Option<[u8; HEADER]> {
    if !page.is_power_of_two() || !PAGES.contains(&page) {
        return None;
    }
    let last = u32::try_from((size / page as u64).checked_sub(1)?).ok()?;
    if last == 0 {
        return None;
    }
    let mut header = [0; HEADER];
    // The kernel reads the structure in the machine's own byte order.
    header[1024..1028].copy_from_slice(&1u32.to_ne_bytes());
    header[1028..1032].copy_from_slice(&last.to_ne_bytes());
    Some(header)
}

/// Returns the machine's memory in bytes from the content of `/proc/meminfo`.
pub fn memory(meminfo: &[u8]) -> Option<u64> {
    let line = meminfo
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"MemTotal:"))?;
    let digits = line.trim_ascii().strip_suffix(b" kB")?;
    if digits.is_empty() || digits.len() > 12 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kibibytes = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(kibibytes * 1024)
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
    fn sizes_that_make_no_sense() {
        assert!(header(4096, 4096).is_none());
        assert!(header(0, 4096).is_none());
        assert!(header(1 << 20, 0).is_none());
        assert!(header(1 << 20, 4097).is_none());
        assert!(header(1 << 20, 1 << 20).is_none());
        assert!(header(u64::MAX, 4096).is_none());
    }

    #[test]
    fn memory_of_the_machine() {
        let meminfo = b"MemTotal:         487392 kB\nMemFree:          1 kB\n";
        assert_eq!(memory(meminfo), Some(487_392 * 1024));
        assert_eq!(memory(b"MemFree: 1 kB\n"), None);
        assert_eq!(memory(b"MemTotal: x kB\n"), None);
        assert_eq!(memory(b""), None);
    }
}
