//! Reaps orphans: processes whose parent has ended become children of PID 1.

use crate::sys;

/// Reaps orphans that have ended.
///
/// Stops at a child of the agent, whose exit code other code collects. The next call finds the orphans behind it.
pub fn reap(is_own: impl Fn(i32) -> bool) {
    while let Some(process) = sys::ended_child(None) {
        if is_own(process) || sys::take_status(process).is_none() {
            return;
        }
    }
}
