//! The program of the guest agent, PID 1 of the root disk.
//!
//! The C library calls `main` itself. Rust's start-up code would first open missing standard files, which `ensure_stdio`
//! does better, and give the main thread a signal stack, so that a stack overflow is reported: the kernel's panic reports
//! the end of PID 1 as well. An emulator takes 5 to 10 ms for that code, in each boot.

#![no_main]

use std::ffi::{c_char, c_int};
use std::fs::{File, OpenOptions};
use std::os::fd::IntoRawFd;

use agent::agent::Agent;
use agent::config::Config;
use agent::preparation::Preparation;
use agent::{log, preparation, sys, virtio_ports, VERSION};

/// Runs the agent. It does not return.
#[no_mangle]
pub extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    sys::ignore_broken_pipes();
    ensure_stdio();
    log!("version {VERSION}");
    let mut config = Config::guest();
    let is_first = std::process::id() == 1;
    let children = is_first
        .then(|| sys::signal_file(&[libc::SIGCHLD]))
        .transpose()
        .unwrap_or_else(|error| {
            log!("cannot reap orphans: {error}");
            None
        });
    // SAFETY: the call takes nothing and returns a number.
    if unsafe { libc::geteuid() } != 0 {
        config.user = None;
    }
    // Opening the ports blocks signals for all later threads: `preparation` starts threads afterwards.
    let preparation = if is_first {
        Preparation::new(preparation::machine, preparation::SILENCE)
    } else {
        Preparation::none()
    };
    let mut agent = Agent::new(config, children, preparation);
    loop {
        let ports = virtio_ports::open();
        log!("ready");
        if let Err(error) = agent.run(&ports) {
            log!("the ports failed: {error}");
        }
        // An immediate retry would most likely fail again.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Opens the console, or else `/dev/null`, as standard input, output and error, where they are missing or `/dev/null`.
///
/// Otherwise the next opened file, such as a port, would get the number and receive the log.
fn ensure_stdio() {
    let open = |path| OpenOptions::new().read(true).write(true).open(path);
    let Ok(file) = open("/dev/console").or_else(|_| open("/dev/null")) else {
        return;
    };
    let file = File::into_raw_fd(file);
    // SAFETY: the calls take numbers and a local structure; nothing else uses standard files yet.
    unsafe {
        for number in 0..3 {
            let mut status: libc::stat = std::mem::zeroed();
            let missing =
                libc::fstat(number, &mut status) != 0 || status.st_rdev == libc::makedev(1, 3);
            if missing && number != file {
                libc::dup2(file, number);
            }
        }
        if file > 2 {
            libc::close(file);
        }
    }
}
