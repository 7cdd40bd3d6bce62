//! Waiting for the root disk and the ports.

use core::ffi::CStr;

use tiny_init_logic::backoff::Backoff;
use tiny_init_logic::command_line::CommandLine;
use tiny_init_logic::path::Path;
use tiny_init_logic::port;

use crate::fatal::Fatal;
use crate::sys::{self, open, Fd};
use crate::{directory, file};

const SECOND: u64 = 1_000_000;

/// How long to wait for the root disk unless `init.rootwait=` says otherwise, in seconds.
const DISK_WAIT: u64 = 10;

/// How long to wait for the ports unless `init.portwait=` says otherwise, in seconds.
const PORT_WAIT: u64 = 5;

/// Serial that a host gives to the root disk when there are several.
const SERIAL: &[u8] = b"base";

/// Waits for the root disk and returns its device.
///
/// That is the disk with the serial `base`, where there is one: names of disks follow the order in which the kernel
/// finds them, which with virtio-mmio on ARM is the reverse of the order that the host gave.
pub fn wait_for_disk(line: CommandLine<'_>) -> Result<Path, Fatal> {
    const DEFAULT: &[u8] = b"/dev/vda";
    let limit = line.seconds("init.rootwait").unwrap_or(DISK_WAIT) * SECOND;
    wait(limit, || {
        let named = each(c"/sys/block", |name| {
            let name = name.to_bytes();
            let path = Path::join(&[b"/sys/block/", name, b"/serial"]).ok()?;
            let mut buffer = [0; 64];
            let serial = file::read(path.as_c_str(), &mut buffer).ok()?;
            let found = name.starts_with(b"vd") && serial.trim_ascii_end() == SERIAL;
            found.then(|| Path::join(&[b"/dev/", name]).ok())?
        });
        named.or_else(|| Path::join(&[DEFAULT]).ok()).filter(exists)
    })
    .ok_or_else(|| {
        let seconds = limit / SECOND;
        Fatal::because(format_args!(
            "no root disk after {seconds} s: neither one with serial base nor /dev/vda"
        ))
    })
}

/// Waits for the ports of the agent; links every port that has a name below `/dev/virtio-ports`.
///
/// # Errors
///
/// One of the two ports did not come. No agent is of use without them, and a host that waits for its answer would
/// never learn why there is none.
pub fn wait_for_ports(line: CommandLine<'_>) -> Result<(), Fatal> {
    let _ = sys::make_folder(c"/dev/virtio-ports");
    let limit = line.seconds("init.portwait").unwrap_or(PORT_WAIT) * SECOND;
    let mut lacking = port::NEEDED[0];
    wait(limit, || {
        let _ = each(c"/sys/class/virtio-ports", |device| -> Option<()> {
            link_port(device.to_bytes());
            None
        });
        let first = port::NEEDED.into_iter().find(|name| {
            Path::join(&[b"/dev/virtio-ports/", name.as_bytes()]).is_ok_and(|path| !exists(&path))
        });
        lacking = first.unwrap_or(lacking);
        first.is_none().then_some(())
    })
    .ok_or_else(|| {
        let seconds = limit / SECOND;
        Fatal::because(format_args!("no port {lacking} after {seconds} s"))
    })
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

/// Looks again and again until there is something, or the limit is reached.
fn wait<T>(limit: u64, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let mut backoff = Backoff::new(limit);
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        sys::sleep(backoff.next()?);
    }
}

fn each<T>(folder: &CStr, visit: impl FnMut(&CStr) -> Option<T>) -> Option<T> {
    let folder = Fd::open(folder, open::READ | open::DIRECTORY).ok()?;
    directory::find(&folder, visit).ok().flatten()
}

/// Returns whether there is a device behind a path: a link whose target has not come counts as absent.
fn exists(path: &Path) -> bool {
    const PATH: usize = 0o10_000_000;
    Fd::open(path.as_c_str(), PATH).is_ok()
}
