//! The agent as its host sees it, on a pair of sockets.

mod exec;
mod host;
mod wire;
