//! The configuration of the agent.

use std::path::PathBuf;
use std::time::Duration;

use crate::groups::Groups;

/// Directory of installed packages, with one subdirectory per language. Unlike the home it is on the disk that the host
/// keeps, if the host keeps one.
pub const PACKAGES: &str = "/opt/packages";

/// A user.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// User ID.
    pub uid: u32,
    /// Group ID. The user is in no other group.
    pub gid: u32,
}

/// Values that differ between a guest and a test.
#[derive(Debug, Clone)]
pub struct Config {
    /// Home directory of user code, and its first working directory.
    pub home: PathBuf,
    /// Directory of files with code. It is read-only for user code.
    pub scratch: PathBuf,
    /// User of user code; `None` for the agent's user, if the agent is not root.
    pub user: Option<User>,
    /// Control groups of programs. Without them, processes that leave their session outlive their request.
    pub groups: Option<Groups>,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
}

impl Config {
    /// Returns the configuration of a guest.
    pub fn guest() -> Self {
        Self {
            home: PathBuf::from("/home/user"),
            scratch: PathBuf::from("/run/guest-agent"),
            user: Some(User {
                uid: 1000,
                gid: 1000,
            }),
            groups: None,
            grace: protocol::limits::GRACE,
        }
    }
}
