//! What tiny-init decides, apart from how it does it: no system calls, no allocation, tested on the host.

#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod backoff;
pub mod command_line;
pub mod disk;
pub mod errno;
pub mod ledger;
pub mod log;
pub mod path;
pub mod plan;
pub mod port;
pub mod root;
pub mod snap;
pub mod superblock;
pub mod text;
pub mod virtio;

#[cfg(test)]
extern crate std;
