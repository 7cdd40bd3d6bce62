//! The program of the guest agent, PID 1 of the root disk.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;

use agent::agent::Agent;
use agent::config::Config;
use agent::preparation::Preparation;
use agent::{log, preparation, sys, virtio_ports, VERSION};

fn main() {
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

/// Opens the console as standard input, output and error, where they are missing.
///
/// Otherwise the next opened file, such as a port, would get the number and receive the log. Rust's start-up code has
/// already opened `/dev/null` there, which is safe, but silent.
fn ensure_stdio() {
    let Ok(console) = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/console")
    else {
        return;
    };
    for number in 0..3 {
        // SAFETY: the calls take numbers and a local structure; nothing else uses standard files yet.
        unsafe {
            let mut status: libc::stat = std::mem::zeroed();
            let missing =
                libc::fstat(number, &mut status) != 0 || status.st_rdev == libc::makedev(1, 3);
            if missing {
                libc::dup2(console.as_raw_fd(), number);
            }
        }
    }
}
