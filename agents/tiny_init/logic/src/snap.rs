//! The content of the snap disk, whose serial is `snap`.

use crate::superblock::{self, FileSystem};

/// Number of bytes of the disk that [`Content::of`] inspects.
pub const LENGTH: usize = 4096;

/// The content of the disk.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// Zeros only.
    Blank,
    /// The file system of an earlier guest.
    Ext4,
    /// Other data, which must not be overwritten.
    Other,
}

impl Content {
    /// Detects the content of a disk from its first bytes.
    pub fn of(bytes: &[u8; LENGTH]) -> Self {
        let block = bytes[superblock::OFFSET as usize..].first_chunk();
        if block.and_then(FileSystem::of) == Some(FileSystem::Ext4) {
            Self::Ext4
        } else if bytes.iter().all(|&byte| byte == 0) {
            Self::Blank
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_returns_blank_for_zeros_only() {
        let mut bytes = [0; LENGTH];
        assert_eq!(Content::of(&bytes), Content::Blank);
        bytes[LENGTH - 1] = 1;
        assert_eq!(Content::of(&bytes), Content::Other);
        bytes[1080..1082].copy_from_slice(&[0x53, 0xEF]);
        assert_eq!(Content::of(&bytes), Content::Ext4);
    }
}
