//! Fresh randomness for machines that were copied while they ran.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// `RNDRESEEDCRNG`: makes the generator take from the pool at once.
const RESEED: libc::Ioctl = 0x5207;

/// How much of a request is mixed in.
const REQUEST: usize = 4096;

/// The kernel's random pool.
#[derive(Debug)]
pub struct Pool {
    pool: Option<File>,
    hardware: Option<File>,
    start: Instant,
}

impl Pool {
    /// Opens the pool, and the host's generator where there is one.
    pub fn open() -> Self {
        Self {
            pool: OpenOptions::new().write(true).open("/dev/urandom").ok(),
            hardware: File::open("/dev/hwrng").ok(),
            start: Instant::now(),
        }
    }

    /// Mixes in what two copies of a machine do not have in common: the request, its time, bytes from the host's
    /// generator. Then reseeds, for which the kernel also asks the CPU.
    ///
    /// None of it is credited as entropy: the kernel knows best what it may believe.
    ///
    /// Returns whether the generator took from the pool.
    pub fn reseed(&mut self, request: &[u8]) -> bool {
        let Some(pool) = &mut self.pool else {
            return false;
        };
        let mut bytes = [0; 32];
        if let Some(hardware) = &mut self.hardware {
            // Without a device behind it the file is there, and reading fails.
            if hardware.read(&mut bytes).is_err() {
                self.hardware = None;
            }
        }
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut mix = Vec::with_capacity(REQUEST + 64);
        mix.extend_from_slice(&bytes);
        mix.extend_from_slice(&wall.as_nanos().to_ne_bytes());
        mix.extend_from_slice(&self.start.elapsed().as_nanos().to_ne_bytes());
        mix.extend_from_slice(&request[..request.len().min(REQUEST)]);
        // Without root the pool takes bytes, and is not reseeded: good enough for a test.
        let mixed = pool.write_all(&mix).is_ok();
        // SAFETY: the request takes no argument.
        mixed && unsafe { libc::ioctl(pool.as_raw_fd(), RESEED) == 0 }
    }
}
