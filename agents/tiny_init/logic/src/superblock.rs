//! Detection of the file system of a disk.

use core::ffi::CStr;

/// Offset on the disk of the bytes that [`FileSystem::of`] inspects.
pub const OFFSET: u64 = 1024;

/// Number of bytes that [`FileSystem::of`] inspects.
pub const LENGTH: usize = 64;

/// A supported file system of the root disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// Ext4, writable.
    Ext4,
    /// EROFS, read-only.
    Erofs,
}

impl FileSystem {
    /// Detects a file system from its superblock.
    pub fn of(superblock: &[u8; LENGTH]) -> Option<Self> {
        let [a, b, c, d, ..] = *superblock;
        if u32::from_le_bytes([a, b, c, d]) == 0xE0F5_E1E2 {
            Some(Self::Erofs)
        } else if u16::from_le_bytes([superblock[56], superblock[57]]) == 0xEF53 {
            Some(Self::Ext4)
        } else {
            None
        }
    }

    /// Returns the kernel's name of the file system.
    pub fn kernel_name(self) -> &'static CStr {
        match self {
            Self::Ext4 => c"ext4",
            Self::Erofs => c"erofs",
        }
    }

    /// Returns whether the file system is writable.
    pub fn writable(self) -> bool {
        self == Self::Ext4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(offset: usize, magic: &[u8]) -> [u8; LENGTH] {
        let mut block = [0; LENGTH];
        block[offset..offset + magic.len()].copy_from_slice(magic);
        block
    }

    #[test]
    fn of_detects_magic_numbers() {
        assert_eq!(
            FileSystem::of(&with(56, &[0x53, 0xEF])),
            Some(FileSystem::Ext4)
        );
        assert_eq!(
            FileSystem::of(&with(0, &[0xE2, 0xE1, 0xF5, 0xE0])),
            Some(FileSystem::Erofs)
        );
        assert_eq!(FileSystem::of(&[0; LENGTH]), None);
    }
}
