//! Opens the virtio-serial ports.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ports::Ports;
use crate::sys;

/// The port for requests.
const REQUESTS: &str = "org.dualeai.cmd";

/// The port for responses.
const RESPONSES: &str = "org.dualeai.event";

/// Longest pause between two attempts to open the ports.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Opens both ports, and retries until they exist. No thread that unblocks signals may run.
pub fn open() -> Ports {
    let mut pause = Duration::from_millis(5);
    loop {
        match try_open() {
            Ok(ports) => return ports,
            Err(error) => log!("cannot open the ports: {error}"),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn try_open() -> io::Result<Ports> {
    let requests = open_port(REQUESTS)?;
    let responses = open_port(RESPONSES)?;
    let mut ports = Ports::new(requests.into(), responses.into())?;
    // The kernel sends the signal when a host connects, disconnects, or sends data. No host sends data on this port.
    let signal = libc::SIGRTMIN();
    ports.changes = Some(sys::signal_file(&[signal, libc::SIGIO])?);
    sys::send_signal_on_change(ports.responses.as_fd(), signal)?;
    Ok(ports)
}

fn open_port(name: &str) -> io::Result<File> {
    let link = Path::new("/dev/virtio-ports").join(name);
    let path = if link.exists() {
        link
    } else {
        find(Path::new("/sys/class/virtio-ports"), name)?
    };
    OpenOptions::new()
        .read(true)
        .write(true)
        // Opening does not wait for a host either.
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Finds a port's device by its name. This is for guests without links to the ports.
fn find(class: &Path, name: &str) -> io::Result<PathBuf> {
    for entry in fs::read_dir(class)? {
        let entry = entry?;
        let content = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        if content.trim_end() == name {
            return Ok(Path::new("/dev").join(entry.file_name()));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("no port {name}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_returns_port_with_name() {
        let class = std::env::temp_dir().join(format!("ports-{}", std::process::id()));
        for (device, name) in [("vport0p1", "other\n"), ("vport1p2", "org.dualeai.cmd\n")] {
            fs::create_dir_all(class.join(device)).unwrap();
            fs::write(class.join(device).join("name"), name).unwrap();
        }
        // A port without a name.
        fs::create_dir_all(class.join("vport0p0")).unwrap();
        assert_eq!(find(&class, REQUESTS).unwrap(), Path::new("/dev/vport1p2"));
        assert!(find(&class, RESPONSES).is_err());
        fs::remove_dir_all(class).unwrap();
    }
}
