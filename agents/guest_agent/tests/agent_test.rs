//! The agent as its host sees it, on a pair of sockets.

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

/// Called on the thread of each agent.
fn on_agent_thread() {}
