//! Tests of the agent by a host, on a pair of sockets.

mod control;
mod exec;
mod files;
mod hang_up;
mod host;
mod preparation;
mod sessions;
mod terminal;
mod transcripts;
mod wire;

/// Does nothing. `memory_test` has another version.
fn on_agent_thread() {}
