//! Waits for the disks and the ports.

use core::ffi::CStr;

use tiny_init_logic::backoff::Backoff;
use tiny_init_logic::command_line::CommandLine;
use tiny_init_logic::disk::{Choice, Scan};
use tiny_init_logic::path::Path;
use tiny_init_logic::port;
use tiny_init_logic::virtio::Device;

use crate::fatal::Fatal;
use crate::modules::Modules;
use crate::sys::{self, open, Fd};
use crate::{directory, file};

const SECOND: u64 = 1_000_000;

/// Default of `init.rootwait=`, the time to wait for the root disk, in seconds.
const DISK_WAIT: u64 = 10;

/// Default of `init.portwait=`, the time to wait for the ports, in seconds.
const PORT_WAIT: u64 = 5;

/// Waits for the root disk, which [`Choice`] identifies, and returns its device.
pub fn wait_for_disk(line: CommandLine<'_>, modules: &mut Modules) -> Result<Path, Fatal> {
    let limit = line.seconds("init.rootwait").unwrap_or(DISK_WAIT) * SECOND;
    let (mut choice, mut found) = (Choice::default(), None);
    wait(limit, modules, &mut |last| {
        // Count devices first: otherwise a device that appears in between would seem to lack its disk.
        let mut devices = 0;
        each_virtio(|device| devices += usize::from(device == Device::Block));
        let mut scan = Scan::default();
        each(c"/sys/block", &mut |name| {
            let mut buffer = [0; 64];
            let name = name.to_bytes();
            scan.add(name, serial(name, &mut buffer).unwrap_or_default());
        });
        let disk = choice.judge(scan, devices, sys::microseconds_since_boot(), last);
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

/// Reads the serial of a disk, if it has one.
fn serial<'a>(disk: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let path = Path::join(&[b"/sys/block/", disk, b"/serial"]).ok()?;
    file::read(path.as_c_str(), buffer).ok()
}

/// Waits for the ports of the agent, and links every named port below `/dev/virtio-ports`.
///
/// # Errors
///
/// One of the two ports did not appear. Without them the agent cannot work, and a waiting host would never learn why it gets
/// no response.
pub fn wait_for_ports(line: CommandLine<'_>, modules: &mut Modules) -> Result<(), Fatal> {
    let _ = sys::mkdir(c"/dev/virtio-ports");
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

/// Links a port by its name, if it has one yet: the kernel creates the device first.
fn link_port(device: &[u8]) -> Option<()> {
    let source = Path::join(&[b"/sys/class/virtio-ports/", device, b"/name"]).ok()?;
    let mut buffer = [0; 128];
    let name = port::name(file::read(source.as_c_str(), &mut buffer).ok()?)?;
    let target = Path::join(&[b"../", device]).ok()?;
    let path = Path::join(&[b"/dev/virtio-ports/", name]).ok()?;
    // An earlier attempt may have created the link.
    let _ = sys::link(target.as_c_str(), path.as_c_str());
    Some(())
}

/// Calls `attempt` until it returns true or the limit is reached; its argument is true for the last attempt.
/// Loads the drivers of devices that appear in the meantime.
fn wait(limit: u64, modules: &mut Modules, attempt: &mut dyn FnMut(bool) -> bool) -> bool {
    let mut backoff = Backoff::new(limit);
    loop {
        modules.load_for_devices();
        if attempt(backoff.ended()) {
            return true;
        }
        let Some(pause) = backoff.next() else {
            return false;
        };
        sys::sleep(pause);
    }
}

/// Calls `visit` for each entry of a directory, if the directory exists.
fn each(path: &CStr, visit: &mut dyn FnMut(&CStr)) {
    if let Ok(directory) = Fd::open(path, open::READ | open::DIRECTORY) {
        let _ = directory::each(&directory, visit);
    }
}
