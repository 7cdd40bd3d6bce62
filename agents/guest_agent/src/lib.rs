//! The guest agent: takes requests from the host on one port and sends responses on another.
//!
//! One thread waits for everything at once, with `poll`: requests, output and ends of programs, timers, a host that goes
//! away. It never blocks on the host, on the console or on a program.
//!
//! * [`agent`] is that loop, over any two files ([`link`]); [`ports`] finds the virtio-serial ones. [`boundary`] says where
//!   one host ends and the next begins, and [`session`] is everything that belongs to one host. `requests` says what the
//!   agent does for each request.
//! * [`execution`] is one program on its way, started by [`spawn`] with the command of [`language`], on a [`terminal`] if asked,
//!   in a control group of its own ([`groups`]).
//! * [`interpreters`] are those that stay from one exec to the next: [`interpreter`] is one of them, reached by its private
//!   [`channel`] in the [`dialect`] of its language, and [`job`] an exec in it.
//! * [`output`] and [`send_queue`] carry what it prints to the host; [`outcome`] is how it ended.
//! * [`transfers`] are files on their way, in and out of the [`home`], as [`zstd`] frames. [`removal`] deletes directories.
//! * [`preparation`] is what the machine needs for user code, and not for the first response: [`swap`], control groups and these.
//! * [`storage`] is where user code writes, and [`hardening`] what keeps it from everything else, both by [`mounts`].
//! * [`system`], [`network`], [`entropy`], [`log`] and [`reaper`] are what a machine needs besides; [`clock`] follows [`hardware_clock`] after a
//!   restore.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

#[macro_use]
pub mod log;

pub mod agent;
pub mod boundary;
pub mod channel;
pub mod clock;
pub mod dialect;
pub mod entropy;
pub mod execution;
pub mod groups;
pub mod hardening;
pub mod hardware_clock;
pub mod home;
pub mod input;
pub mod interpreter;
pub mod interpreters;
pub mod job;
pub mod language;
pub mod link;
pub mod metrics;
pub mod mounts;
pub mod netlink;
pub mod network;
pub mod outcome;
pub mod output;
pub mod ports;
pub mod preparation;
pub mod reaper;
pub mod removal;
mod requests;
pub mod scratch;
pub mod send_queue;
pub mod session;
pub mod settings;
pub mod spawn;
pub mod storage;
pub mod swap;
pub mod sys;
pub mod system;
pub mod terminal;
pub mod transfers;
pub mod zstd;

/// The agent's version, which hosts see in every `pong` and every error.
pub const VERSION: &str = "0.1.0";
