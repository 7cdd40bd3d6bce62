//! The program of the guest agent, PID 1 of the root disk.
//!
//! The C library calls `main` itself. Rust's start-up code would first open missing standard files, which `ensure_stdio`
//! does better, and give the main thread a signal stack, so that a stack overflow is reported: the kernel's panic reports
//! the end of PID 1 as well. An emulator takes 5 to 10 ms for that code, in each boot.

#![no_main]

use std::ffi::{c_char, c_int};
use std::fs::OpenOptions;
use std::mem;
use std::os::fd::AsRawFd;

use agent::agent::Agent;
use agent::config::Config;
use agent::preparation::Preparation;
use agent::{log, preparation, sys, virtio_ports, VERSION};
use rustix::fs::{fstat, makedev};
use rustix::stdio;

/// Runs the agent. It does not return.
#[no_mangle]
pub extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    ensure_stdio();
    log!("version {VERSION}");
    let mut config = Config::guest();
    let is_first = std::process::id() == 1;
    if !is_first {
        // The kernel keeps signals without a handler from PID 1.
        sys::ignore_broken_pipes();
    }
    let children = is_first
        .then(|| sys::signal_file(&[libc::SIGCHLD]))
        .transpose()
        .unwrap_or_else(|error| {
            log!("cannot reap orphans: {error}");
            None
        });
    if !rustix::process::geteuid().is_root() {
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
    let is_missing = |standard| match fstat(standard) {
        Ok(status) => status.st_rdev == makedev(1, 3),
        Err(_) => true,
    };
    if !is_missing(stdio::stdin()) && !is_missing(stdio::stdout()) && !is_missing(stdio::stderr()) {
        return;
    }
    let open = |path| OpenOptions::new().read(true).write(true).open(path);
    let Ok(file) = open("/dev/console").or_else(|_| open("/dev/null")) else {
        return;
    };
    let number = file.as_raw_fd();
    if number != 0 && is_missing(stdio::stdin()) {
        let _ = stdio::dup2_stdin(&file);
    }
    if number != 1 && is_missing(stdio::stdout()) {
        let _ = stdio::dup2_stdout(&file);
    }
    if number != 2 && is_missing(stdio::stderr()) {
        let _ = stdio::dup2_stderr(&file);
    }
    if number <= 2 {
        // It is a standard file now.
        mem::forget(file);
    }
}
