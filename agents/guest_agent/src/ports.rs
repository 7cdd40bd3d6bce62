//! The virtio-serial ports.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::link::Link;
use crate::sys;

/// Where requests come from the host.
const REQUESTS: &str = "org.dualeai.cmd";

/// Where answers go to the host.
const ANSWERS: &str = "org.dualeai.event";

/// Longest pause between two attempts to open the ports.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Opens both ports, trying again until they are there. No thread that unblocks signals may run.
pub fn open() -> Link {
    let mut pause = Duration::from_millis(5);
    loop {
        match try_open() {
            Ok(link) => return link,
            Err(error) => log!("cannot open the ports: {error}"),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn try_open() -> io::Result<Link> {
    let requests = open_port(REQUESTS)?;
    let answers = open_port(ANSWERS)?;
    let mut link = Link::new(requests.into(), answers.into())?;
    // The kernel sends one when a host comes or goes, and when a host sends data, which none does on this port.
    let signal = libc::SIGRTMIN();
    link.changes = Some(sys::signal_file(&[signal, libc::SIGIO])?);
    sys::send_signal_on_change(link.answers.as_fd(), signal)?;
    Ok(link)
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
        // Opening does not wait for the host either.
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Finds a port's device by its name, for when nobody made a link.
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
        format!("there is no port {name}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_by_its_name() {
        let class = std::env::temp_dir().join(format!("ports-{}", std::process::id()));
        for (device, name) in [("vport0p1", "other\n"), ("vport1p2", "org.dualeai.cmd\n")] {
            fs::create_dir_all(class.join(device)).unwrap();
            fs::write(class.join(device).join("name"), name).unwrap();
        }
        // A port that has no name yet.
        fs::create_dir_all(class.join("vport0p0")).unwrap();
        assert_eq!(find(&class, REQUESTS).unwrap(), Path::new("/dev/vport1p2"));
        assert!(find(&class, ANSWERS).is_err());
        fs::remove_dir_all(class).unwrap();
    }
}
