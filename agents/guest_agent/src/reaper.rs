//! Orphans: processes whose parent ended first become children of PID 1.

use crate::sys;

/// Forgets orphans that have ended.
///
/// The agent's own children are left to whoever waits for them, so that no exit code is lost: an orphan behind one is
/// found in the next call.
pub fn reap(is_own: impl Fn(i32) -> bool) {
    while let Some(process) = sys::ended_child(None) {
        if is_own(process) || sys::take_status(process).is_none() {
            return;
        }
    }
}
