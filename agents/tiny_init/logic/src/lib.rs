//! The decisions of tiny-init, without system calls and allocation, so that tests run on the host.

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
