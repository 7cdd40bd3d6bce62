//! Where the agent works, and as whom user code runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::groups::Groups;

/// Where packages are installed, a directory for each language. Unlike the home it is on the disk that a host keeps, if a
/// host keeps one.
pub const PACKAGES: &str = "/opt/packages";

/// Whom user code runs as.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// Number of the user.
    pub uid: u32,
    /// Number of the group; there are no further ones.
    pub gid: u32,
}

/// What differs between a guest and a test.
#[derive(Debug, Clone)]
pub struct Settings {
    /// User code's home, and the folder that it starts in.
    pub home: PathBuf,
    /// Where code lies while it runs. User code can read it, and not write to it.
    pub scratch: PathBuf,
    /// Whom user code runs as; `None` is the agent's own user, for an agent that is not root.
    pub user: Option<User>,
    /// Where programs get their control groups; without, what leaves its session outlives its request.
    pub groups: Option<Groups>,
    /// How long a program has between the polite signal and the other one.
    pub grace: Duration,
}

impl Settings {
    /// Returns a guest's settings.
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
