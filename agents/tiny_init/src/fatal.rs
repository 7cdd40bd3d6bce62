//! The end of a boot that cannot succeed.

use core::fmt;
use core::panic::PanicInfo;

use crate::{console, sys};

/// Exit code of a failed boot. It is that of a panic in Rust; hosts look for `exitcode=0x00006500`.
const EXIT_CODE: i32 = 101;

/// A boot that cannot succeed. Creating a value logs the reason.
pub struct Fatal(());

impl Fatal {
    /// Logs the reason, as `[init] ERROR: …`.
    pub fn because(reason: fmt::Arguments<'_>) -> Self {
        log_fmt!("[init] ERROR: {reason}");
        Self(())
    }

    /// Logs that executing the agent failed, in the form that hosts look for.
    pub fn not_executed(errno: sys::Errno, meaning: &str) -> Self {
        log_fmt!("[init] execv failed: {errno} ({meaning})");
        Self(())
    }

    /// Ends the program, so that the kernel panics. A host notices that at once, and recognizes the exit code.
    pub fn end(self) -> ! {
        console::drain();
        sys::exit(EXIT_CODE)
    }
}

/// Returns a function that converts an error number into `cannot {what}`.
pub fn cannot(what: &str) -> impl FnOnce(sys::Errno) -> Fatal + '_ {
    move |errno| Fatal::because(format_args!("cannot {what}: {errno}"))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    Fatal::because(format_args!("{info}")).end()
}
