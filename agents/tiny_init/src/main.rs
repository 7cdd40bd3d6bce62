//! PID 1 of the initramfs: from the kernel's hands to the guest agent on the root disk.
//!
//! A program without a C library and without Rust's own standard library: it is unpacked into memory in every boot,
//! and has nothing to do that needs either. What it decides is in `tiny_init_logic`; here is what it does.

#![no_std]
#![no_main]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

#[macro_use]
mod console;
mod devices;
mod directory;
mod fatal;
mod file;
mod modules;
mod mounts;
mod root;
mod start;
mod sys;
mod syscall;
mod zram;

use tiny_init_logic::command_line::CommandLine;
use tiny_init_logic::ledger::Ledger;

use crate::fatal::Fatal;

/// Longest command line that the kernels in use take.
const COMMAND_LINE: usize = 4096;

/// Boots; whatever goes wrong on the way ends in [`Fatal::end`].
fn main() -> ! {
    match boot() {
        Err(reason) => reason.end(),
    }
}

fn boot() -> Result<core::convert::Infallible, Fatal> {
    sys::Fd::occupy_standard_numbers();
    let mut stages = Stages(Ledger::new(0));
    stages.end("kernel");

    mounts::mount_all()?;
    let mut buffer = [0; COMMAND_LINE];
    let line = CommandLine::new(file::read(c"/proc/cmdline", &mut buffer).unwrap_or_default());
    console::select(line);
    log_fmt!("[init] started");
    stages.end("mounts");

    modules::load(|group| group.wanted(line))?;
    // A virtio console whose transport was a module has come only now.
    console::select(line);
    stages.end("modules");

    zram::set_up();
    stages.end("zram");

    devices::wait_for_ports(line)?;
    console::select(line);
    stages.end("ports");

    let disk = devices::wait_for_disk(line)?;
    stages.end("disk");

    root::mount(&disk, line.read_only())?;
    stages.end("root");

    root::switch()?;
    stages.end("switch");

    Err(root::execute_agent(&stages.0))
}

/// The boot ledger, which prints what it notes.
struct Stages(Ledger);

impl Stages {
    /// Ends a stage. The first one began when the kernel started its clock.
    fn end(&mut self, name: &str) {
        let took = self.0.end(name, sys::microseconds_since_boot());
        log_fmt!("[init] stage {name} +{took} us");
    }
}
