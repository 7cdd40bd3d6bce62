//! PID 1 of the initramfs. It prepares the root disk and starts the guest agent.
//!
//! The program does not use Rust's standard library, and takes only the memory functions from the C library, because every
//! boot unpacks it into memory. Its decisions are in `tiny_init_logic`; this crate carries them out.

#![no_std]
#![no_main]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

#[macro_use]
mod console;
mod devices;
mod directory;
mod ending;
mod fatal;
mod file;
mod modules;
mod mounts;
mod root;
mod snap;
mod start;
mod sys;
mod syscall;

use tiny_init_logic::command_line::CommandLine;
use tiny_init_logic::ledger::Ledger;
use tiny_init_logic::plan::Group;
use tiny_init_logic::root::Root;

use crate::fatal::{cannot, Fatal};
use crate::modules::Modules;

/// Longest command line of the kernels in use, in bytes.
const COMMAND_LINE: usize = 4096;

/// Boots. Every failure ends in [`Fatal::end`].
fn main() -> ! {
    match boot() {
        Err(reason) => reason.end(),
    }
}

fn boot() -> Result<core::convert::Infallible, Fatal> {
    sys::Fd::ensure_stdio_fds();
    let mut stages = Stages(Ledger::new(0));
    stages.end("kernel");

    mounts::mount_proc()?;
    let mut buffer = [0; COMMAND_LINE];
    let line = file::read(c"/proc/cmdline", &mut buffer).map_err(cannot("read /proc/cmdline"));
    let line = line.map(CommandLine::new);
    ending::restart_on_panic(line.as_ref().copied().ok());
    let line = line?;
    mounts::mount_others()?;
    ending::choose_restart(line);
    console::select(line);
    log_fmt!("[init] started");
    stages.end("mounts");

    let mut modules = Modules::read()?;
    modules.load(Group::Always);
    // The agent sets up swap, but it cannot load modules.
    modules.load(Group::Zram);
    Group::requested(line).for_each(|group| modules.load(group));
    modules.load_for_devices();
    // A virtio console whose transport is a module appears only now.
    console::select(line);
    stages.end("modules");

    devices::wait_for_ports(line, &mut modules)?;
    console::select(line);
    stages.end("ports");

    let disk = devices::wait_for_disk(line, &mut modules)?;
    let plan = Root::of(line);
    let snap = if plan.needs_snap() {
        Some(devices::wait_for_snap(line, &mut modules)?)
    } else {
        None
    };
    stages.end("disk");

    root::mount(&disk, plan, snap.as_ref())?;
    stages.end("root");

    root::switch()?;
    stages.end("switch");

    Err(root::execute_agent(&stages.0))
}

/// The boot ledger. It also logs every stage.
struct Stages(Ledger);

impl Stages {
    /// Ends a stage. The first stage started with the kernel's clock.
    fn end(&mut self, name: &str) {
        let took = self.0.end(name, sys::microseconds_since_boot());
        log_fmt!("[init] stage {name} +{took} us");
    }
}
