//! Fresh entropy for guests that are restored from one snapshot.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, SyncSender, TrySendError};
use std::time::Instant;

use crate::sys;

/// `RNDRESEEDCRNG`: reseeds the generator from the pool at once.
const RESEED: libc::Ioctl = 0x5207;

/// Number of bytes of a request that are mixed in.
const REQUEST: usize = 4096;

/// The kernel's random pool.
#[derive(Debug)]
pub struct Pool {
    pool: Option<File>,
    hardware: Option<Hardware>,
    start: Instant,
}

impl Pool {
    /// Opens the pool, and the host's generator if there is one.
    pub fn open() -> Self {
        Self {
            pool: open_pool(),
            hardware: Some(Hardware::Idle(PathBuf::from("/dev/hwrng"))),
            start: Instant::now(),
        }
    }

    /// Mixes in the request and its time, which differ between restored guests, and reseeds. The kernel also uses the CPU's
    /// generator. Bytes from the host's generator follow as soon as the host provides them.
    ///
    /// None of the bytes are credited as entropy: the kernel decides.
    ///
    /// Returns whether the kernel reseeded its generator from the pool.
    pub fn reseed(&mut self, request: &[u8]) -> bool {
        let Some(pool) = &mut self.pool else {
            return false;
        };
        let wall = sys::unix_time();
        let mut bytes = Vec::with_capacity(REQUEST + 64);
        bytes.extend_from_slice(&wall.as_nanos().to_ne_bytes());
        bytes.extend_from_slice(&self.start.elapsed().as_nanos().to_ne_bytes());
        bytes.extend_from_slice(&request[..request.len().min(REQUEST)]);
        let reseeded = mix(pool, &bytes);
        self.hardware = self.hardware.take().and_then(Hardware::request);
        reseeded
    }
}

fn open_pool() -> Option<File> {
    OpenOptions::new().write(true).open("/dev/urandom").ok()
}

/// Adds bytes to the pool, and reseeds.
fn mix(pool: &mut File, bytes: &[u8]) -> bool {
    // Without root the pool accepts bytes, but reseeding fails; that suffices for tests.
    let mixed = pool.write_all(bytes).is_ok();
    // SAFETY: the request takes no argument.
    mixed && unsafe { libc::ioctl(pool.as_raw_fd(), RESEED) == 0 }
}

/// The host's generator.
///
/// Reading it blocks for as long as the host's rate limit requires, even with `O_NONBLOCK`: the kernel reads it as well, and
/// holds a lock. So a separate thread reads it.
#[derive(Debug)]
enum Hardware {
    /// No thread runs yet: it must start after the agent has blocked signals and opened the ports.
    Idle(PathBuf),
    /// A thread reads once for each message.
    Running(SyncSender<()>),
}

impl Hardware {
    /// Requests bytes without waiting for them. Returns `None` if the host has no generator.
    fn request(self) -> Option<Self> {
        let sender = match self {
            Self::Running(sender) => sender,
            Self::Idle(path) => start(&path)?,
        };
        match sender.try_send(()) {
            // One pending request is enough.
            Ok(()) | Err(TrySendError::Full(())) => Some(Self::Running(sender)),
            Err(TrySendError::Disconnected(())) => None,
        }
    }
}

/// Starts the thread that reads a generator and feeds the pool.
fn start(path: &Path) -> Option<SyncSender<()>> {
    let mut hardware = File::open(path).ok()?;
    let mut pool = open_pool()?;
    let (sender, requests) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("entropy".to_owned())
        .stack_size(64 << 10);
    let started = thread.spawn(move || {
        for () in requests {
            let mut bytes = [0; 32];
            // The file exists without a device, too; then reading fails.
            if hardware.read_exact(&mut bytes).is_err() {
                return;
            }
            mix(&mut pool, &bytes);
        }
    });
    started.is_ok().then_some(sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{mknodat, FileType, Mode, CWD};
    use std::sync::mpsc::channel;
    use std::thread;

    #[test]
    fn reseed_does_not_wait_for_generator() {
        let path = std::env::temp_dir().join(format!("hwrng-{}", std::process::id()));
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, &path, FileType::Fifo, mode, 0).unwrap();
        // Opened for both directions the pipe has a writer, so that reading blocks forever.
        let writer = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let mut pool = Pool {
            hardware: Some(Hardware::Idle(path.clone())),
            ..Pool::open()
        };
        let (sender, done) = channel();
        thread::spawn(move || {
            for _ in 0..3 {
                pool.reseed(b"request");
            }
            sender.send(pool).unwrap();
        });
        // The timeout only guards against a hang.
        let pool = done
            .recv_timeout(std::time::Duration::from_secs(60))
            .unwrap();
        assert!(matches!(pool.hardware, Some(Hardware::Running(_))));
        drop((pool, writer));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn reseed_works_without_generator() {
        let mut pool = Pool {
            hardware: Some(Hardware::Idle(PathBuf::from("/nonexistent"))),
            ..Pool::open()
        };
        pool.reseed(b"request");
        assert!(pool.hardware.is_none());
    }
}
