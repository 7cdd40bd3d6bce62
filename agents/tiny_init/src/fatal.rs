//! The end of a boot that cannot succeed.

use core::fmt;
use core::panic::PanicInfo;

use crate::{console, sys};

/// Exit code of a boot that failed: the one of a panic in Rust, which hosts look for as `exitcode=0x00006500`.
const EXIT_CODE: i32 = 101;

/// A boot that cannot succeed. Who holds one has told the reason already.
pub struct Fatal(());

impl Fatal {
    /// Tells the reason, as `[init] ERROR: …`.
    pub fn because(reason: fmt::Arguments<'_>) -> Self {
        log_fmt!("[init] ERROR: {reason}");
        Self(())
    }

    /// Tells that the agent could not be executed, as hosts and people know it.
    pub fn not_executed(errno: sys::Errno, meaning: &str) -> Self {
        log_fmt!("[init] execv failed: {errno} ({meaning})");
        Self(())
    }

    /// Ends the program, upon which the kernel panics: a host sees that at once, and its diagnosis knows the exit code.
    pub fn end(self) -> ! {
        console::drain();
        sys::exit(EXIT_CODE)
    }
}

/// Returns a function that makes an error number into the reason that `what` could not be done.
pub fn cannot(what: &str) -> impl FnOnce(sys::Errno) -> Fatal + '_ {
    move |errno| Fatal::because(format_args!("cannot {what}: {errno}"))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    Fatal::because(format_args!("{info}")).end()
}
