//! Paths for system calls, on the stack.

use core::ffi::CStr;

/// A path exceeds the capacity, or contains a zero byte.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// A path with the terminating zero byte that system calls require.
pub struct Path {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Path {
    const CAPACITY: usize = 192;

    /// Joins parts into a path, without separators.
    ///
    /// # Errors
    ///
    /// The parts together are too long, or one contains a zero byte, which would end the path early.
    pub fn join(parts: &[&[u8]]) -> Result<Self, TooLong> {
        let mut path = Self {
            bytes: [0; Self::CAPACITY],
            length: 0,
        };
        for part in parts {
            let end = path.length + part.len();
            if end >= Self::CAPACITY || part.contains(&0) {
                return Err(TooLong);
            }
            path.bytes[path.length..end].copy_from_slice(part);
            path.length = end;
        }
        Ok(path)
    }

    /// Returns the path without the zero byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Returns the path for a system call.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_concatenates_parts() {
        let path = Path::join(&[b"/dev/", b"vda"]).ok().unwrap();
        assert_eq!(path.as_bytes(), b"/dev/vda");
        assert_eq!(path.as_c_str(), c"/dev/vda");
    }

    #[test]
    fn join_rejects_long_paths_and_zero_bytes() {
        assert!(Path::join(&[&[b'x'; Path::CAPACITY - 1]]).is_ok());
        assert!(Path::join(&[&[b'x'; Path::CAPACITY]]).is_err());
        assert!(Path::join(&[b"a\0b"]).is_err());
    }
}
