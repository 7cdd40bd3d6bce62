//! The guest agent's program: PID 1 of the root disk.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;

use agent::agent::Agent;
use agent::settings::Settings;
use agent::{log, ports, preparation, sys, VERSION};

fn main() {
    have_standard_files();
    log!("version {VERSION}");
    let mut settings = Settings::guest();
    let is_first = std::process::id() == 1;
    let children = is_first
        .then(|| sys::signal_file(&[libc::SIGCHLD]))
        .transpose()
        .unwrap_or_else(|error| {
            log!("orphans stay zombies: {error}");
            None
        });
    // SAFETY: the call takes nothing and returns a number.
    if unsafe { libc::geteuid() } != 0 {
        settings.user = None;
    }
    // The agent opens the ports before: their signals must be blocked before there is a second thread.
    let preparation = is_first.then_some(preparation::machine as fn(&mut Settings));
    let mut agent = Agent::new(settings, children, preparation);
    loop {
        let link = ports::open();
        log!("ready");
        if let Err(error) = agent.run(&link) {
            log!("the ports failed: {error}");
        }
        // Not at once: whatever failed would most likely fail again.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Opens the console as whatever of standard input, output and error is missing.
///
/// Otherwise the next file that is opened gets such a number: a port would be logged to. Rust's own start-up code has
/// put `/dev/null` there already, which is safe, but silent.
fn have_standard_files() {
    let Ok(console) = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/console")
    else {
        return;
    };
    for number in 0..3 {
        // SAFETY: the calls take numbers and a structure that lives here; nothing else uses standard files yet.
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
