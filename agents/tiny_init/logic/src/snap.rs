//! What the second disk, of serial `snap`, holds.

use crate::superblock::{self, FileSystem};

/// How many bytes of the disk [`Content::of`] looks at.
pub const LENGTH: usize = 4096;

/// What the disk holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing so far.
    Blank,
    /// An earlier guest's file system.
    Ext4,
    /// Something that must not be overwritten.
    Other,
}

impl Content {
    /// Recognises what a disk holds by its first bytes.
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
    fn content_is_blank_only_without_any_byte() {
        let mut bytes = [0; LENGTH];
        assert_eq!(Content::of(&bytes), Content::Blank);
        bytes[LENGTH - 1] = 1;
        assert_eq!(Content::of(&bytes), Content::Other);
        bytes[1080..1082].copy_from_slice(&[0x53, 0xEF]);
        assert_eq!(Content::of(&bytes), Content::Ext4);
    }
}
