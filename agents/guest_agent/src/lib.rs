//! The guest agent: receives requests of the host on one port and sends responses on another.
//!
//! One thread waits with `poll` for requests, for output and ends of programs, for timers, and for disconnects. It never
//! blocks on the host, on the console or on a program.
//!
//! * [`agent`] is the main loop, over any two files ([`ports`]); [`virtio_ports`] opens the virtio-serial ones. [`handover`]
//!   separates one host from the next, and [`session`] holds the state of one host. `requests` handles each request.
//! * [`execution`] runs one program: [`spawn`] starts it with the command of [`language`], on a [`terminal`] if requested, in
//!   a new control group ([`groups`]).
//! * [`interpreters`] holds the interpreters of sessions. The agent talks to an [`interpreter`] over its private [`channel`],
//!   in the [`dialect`] of its language. A [`job`] is one exec in it.
//! * [`output`] and [`send_queue`] pass output to the host; [`outcome`] creates the last response.
//! * [`transfers`] copies files in and out of the [`home`], as [`zstd`] frames. [`removal`] deletes directories.
//! * [`preparation`] does the work of PID 1 that user code needs and the first response does not: [`swap`], control groups,
//!   [`storage`] and [`hardening`].
//! * [`storage`] mounts the file systems that user code writes to, and [`hardening`] protects all others, both with
//!   [`mounts`].
//! * [`system`], [`network`], [`entropy`], [`log`] and [`reaper`] do the remaining work of PID 1. [`clock`] follows
//!   [`hardware_clock`] after a restore.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

#[macro_use]
pub mod log;

pub mod agent;
pub mod channel;
pub mod clock;
pub mod config;
pub mod dialect;
pub mod entropy;
pub mod execution;
pub mod groups;
pub mod handover;
pub mod hardening;
pub mod hardware_clock;
pub mod home;
pub mod input;
pub mod interpreter;
pub mod interpreters;
pub mod job;
pub mod language;
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
pub mod spawn;
pub mod storage;
pub mod swap;
pub mod sys;
pub mod system;
pub mod terminal;
pub mod transfers;
pub mod virtio_ports;
pub mod zstd;

/// The agent's version, which hosts see in every `pong` and every error.
pub const VERSION: &str = "0.1.0";
