//! The agent as its host sees it, on a pair of sockets.

mod control;
mod exec;
mod files;
mod hang_up;
mod host;
mod terminal;
mod wire;
