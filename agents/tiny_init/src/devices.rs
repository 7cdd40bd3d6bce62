//! Waiting for the root disk and the ports.

use core::ffi::CStr;

use tiny_init_logic::backoff::Backoff;
use tiny_init_logic::command_line::CommandLine;
use tiny_init_logic::disk::{Choice, Look};
use tiny_init_logic::path::Path;
use tiny_init_logic::port;
use tiny_init_logic::virtio::Device;

use crate::fatal::Fatal;
use crate::modules::Modules;
use crate::sys::{self, open, Fd};
use crate::{directory, file};

const SECOND: u64 = 1_000_000;

/// How long to wait for the root disk unless `init.rootwait=` says otherwise, in seconds.
const DISK_WAIT: u64 = 10;

/// How long to wait for the ports unless `init.portwait=` says otherwise, in seconds.
const PORT_WAIT: u64 = 5;

/// Waits for the root disk and returns its device; [`Choice`] says which one that is.
pub fn wait_for_disk(line: CommandLine<'_>, modules: &mut Modules) -> Result<Path, Fatal> {
    let limit = line.seconds("init.rootwait").unwrap_or(DISK_WAIT) * SECOND;
    let (mut choice, mut found) = (Choice::default(), None);
    wait(limit, modules, &mut |last| {
        // Devices are counted first: a disk that comes in between is then no device without a disk.
        let mut devices = 0;
        each_virtio(|device| devices += usize::from(device == Device::Block));
        let mut look = Look::default();
        each(c"/sys/block", &mut |name| {
            let mut buffer = [0; 64];
            let name = name.to_bytes();
            look.see(name, serial(name, &mut buffer).unwrap_or_default());
        });
        let disk = choice.judge(look, devices, sys::microseconds_since_boot(), last);
        found = disk.filter(|disk| file::exists(disk.as_c_str()));
        found.is_some()
    });
    found.ok_or_else(|| {
        let seconds = limit / SECOND;
        Fatal::because(format_args!(
            "no root disk after {seconds} s: neither one with serial base nor /dev/vda"
        ))
    })
}

/// Waits for the disk with the serial `snap` and returns its device.
pub fn wait_for_snap(line: CommandLine<'_>, modules: &mut Modules) -> Result<Path, Fatal> {
    let limit = line.seconds("init.rootwait").unwrap_or(DISK_WAIT) * SECOND;
    let mut found = None;
    wait(limit, modules, &mut |_| {
        each(c"/sys/block", &mut |name| {
            let mut buffer = [0; 64];
            let name = name.to_bytes();
            if serial(name, &mut buffer).is_some_and(|serial| serial.trim_ascii_end() == b"snap") {
                found = Path::join(&[b"/dev/", name]).ok();
            }
        });
        found = found
            .take()
            .filter(|disk: &Path| file::exists(disk.as_c_str()));
        found.is_some()
    });
    found.ok_or_else(|| {
        let seconds = limit / SECOND;
        Fatal::because(format_args!(
            "init.snap=1, but no disk with serial snap after {seconds} s"
        ))
    })
}

/// Calls `visit` for each virtio device of a known kind.
pub fn each_virtio(mut visit: impl FnMut(Device)) {
    each(c"/sys/bus/virtio/devices", &mut |name| {
        let Ok(path) = Path::join(&[b"/sys/bus/virtio/devices/", name.to_bytes(), b"/device"])
        else {
            return;
        };
        let mut buffer = [0; 16];
        let content = file::read(path.as_c_str(), &mut buffer).unwrap_or_default();
        if let Some(device) = Device::of(content) {
            visit(device);
        }
    });
}

/// Reads a disk's serial, if it has one.
fn serial<'a>(disk: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let path = Path::join(&[b"/sys/block/", disk, b"/serial"]).ok()?;
    file::read(path.as_c_str(), buffer).ok()
}

/// Waits for the ports of the agent; links every port that has a name below `/dev/virtio-ports`.
///
/// # Errors
///
/// One of the two ports did not come. No agent is of use without them, and a host that waits for its answer would
/// never learn why there is none.
pub fn wait_for_ports(line: CommandLine<'_>, modules: &mut Modules) -> Result<(), Fatal> {
    let _ = sys::make_folder(c"/dev/virtio-ports");
    let limit = line.seconds("init.portwait").unwrap_or(PORT_WAIT) * SECOND;
    let mut lacking = port::NEEDED[0];
    let complete = wait(limit, modules, &mut |_| {
        each(c"/sys/class/virtio-ports", &mut |device| {
            link_port(device.to_bytes());
        });
        let first = port::NEEDED.into_iter().find(|name| {
            Path::join(&[b"/dev/virtio-ports/", name.as_bytes()])
                .is_ok_and(|path| !file::exists(path.as_c_str()))
        });
        lacking = first.unwrap_or(lacking);
        first.is_none()
    });
    if complete {
        return Ok(());
    }
    let seconds = limit / SECOND;
    Err(Fatal::because(format_args!(
        "no port {lacking} after {seconds} s"
    )))
}

/// Links a port by its name. It may have none yet: the kernel makes the device first.
fn link_port(device: &[u8]) -> Option<()> {
    let source = Path::join(&[b"/sys/class/virtio-ports/", device, b"/name"]).ok()?;
    let mut buffer = [0; 128];
    let name = port::name(file::read(source.as_c_str(), &mut buffer).ok()?)?;
    let target = Path::join(&[b"../", device]).ok()?;
    let path = Path::join(&[b"/dev/virtio-ports/", name]).ok()?;
    // It exists from the second look on.
    let _ = sys::link(target.as_c_str(), path.as_c_str());
    Some(())
}

/// Looks again and again until all is there, or the limit is reached; `look` is told which look is the last.
/// Drivers of devices that come meanwhile are loaded.
fn wait(limit: u64, modules: &mut Modules, look: &mut dyn FnMut(bool) -> bool) -> bool {
    let mut backoff = Backoff::new(limit);
    loop {
        modules.load_for_devices();
        if look(backoff.ended()) {
            return true;
        }
        let Some(pause) = backoff.next() else {
            return false;
        };
        sys::sleep(pause);
    }
}

/// Calls `visit` for each entry of a folder, if there is such a folder.
fn each(folder: &CStr, visit: &mut dyn FnMut(&CStr)) {
    if let Ok(folder) = Fd::open(folder, open::READ | open::DIRECTORY) {
        let _ = directory::each(&folder, visit);
    }
}
