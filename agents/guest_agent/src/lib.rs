//! The guest agent: takes requests from the host on one port and sends answers on another.
//!
//! One thread waits for everything at once, with `poll`: requests, output and ends of programs, timers, a host that goes
//! away. Nothing in it blocks on the host or on a program.
//!
//! * [`agent`] is that loop, over any two files ([`link`]); [`ports`] finds the virtio-serial ones. [`boundary`] says where
//!   one host ends and the next begins.
//! * [`execution`] is one program on its way, started by [`spawn`] with the command of [`language`], on a [`terminal`] if asked,
//!   in a control group of its own ([`groups`]).
//! * [`output`] and [`outbox`] carry what it prints to the host.
//! * [`transfers`] are files on their way, in and out of the [`home`], as [`zstd`] frames.
//! * [`system`], [`network`], [`entropy`] and [`reaper`] are what a machine needs besides.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

#[macro_use]
mod log;

#[doc(hidden)]
pub use log::write_log;

pub mod agent;
pub mod boundary;
pub mod entropy;
pub mod execution;
pub mod groups;
pub mod home;
pub mod input;
pub mod language;
pub mod link;
pub mod metrics;
pub mod netlink;
pub mod network;
pub mod outbox;
pub mod output;
pub mod ports;
pub mod reaper;
pub mod scratch;
pub mod settings;
pub mod spawn;
pub mod sys;
pub mod system;
pub mod terminal;
pub mod transfers;
pub mod zstd;

/// The agent's version, which hosts see in every `pong` and every error.
pub const VERSION: &str = "0.1.0";
