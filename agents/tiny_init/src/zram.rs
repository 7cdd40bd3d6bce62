//! Swap in compressed memory.

use core::fmt::Write;

use tiny_init_logic::plan::Group;
use tiny_init_logic::text::Text;
use tiny_init_logic::zram;

use crate::file;
use crate::modules::Modules;
use crate::sys::{self, open, Errno, Fd};

/// What went wrong, and with what.
struct Failure(&'static str, Errno);

/// Sets up swap of two fifths of the memory, which takes a fifth of it at most. A failure is told, and the boot goes on.
pub fn set_up(modules: &mut Modules) {
    modules.load(Group::Zram);
    // Neither a module nor built in: the image was made without.
    if !file::exists(c"/sys/block/zram0/disksize") {
        log_fmt!("[init] zram: not in this image");
        return;
    }
    if let Err(Failure(what, errno)) = swap().and_then(|()| tune()) {
        log_fmt!("[init] zram: cannot {what}: {errno}");
    }
}

fn swap() -> Result<(), Failure> {
    const SWAP_FLAG_PREFER: usize = 0x8000;
    const PRIORITY: usize = 100;

    choose_algorithm()?;
    let fifth = memory()? / 5;
    let size = fifth * 2;
    write_number(c"/sys/block/zram0/disksize", size).map_err(|errno| Failure("size it", errno))?;
    // What cannot be compressed would take the memory that it is to save.
    write_number(c"/sys/block/zram0/mem_limit", fifth)
        .map_err(|errno| Failure("limit it", errno))?;
    let page = page_size().map_err(|errno| Failure("learn the page's size", errno))?;
    let header = zram::header(size, page).ok_or(Failure("make a swap header", Errno(22)))?;
    let device = Fd::open(c"/dev/zram0", open::READ_WRITE)
        .map_err(|errno| Failure("open /dev/zram0", errno))?;
    let signature = (page - zram::SIGNATURE.len()) as u64;
    device
        .write_at(&header, 0)
        .and_then(|_| device.write_at(zram::SIGNATURE, signature))
        .map_err(|errno| Failure("write the swap header", errno))?;
    // The header must be on the device before the kernel looks: closing a block device writes what is pending.
    drop(device);
    sys::swap_on(c"/dev/zram0", SWAP_FLAG_PREFER | PRIORITY)
        .map_err(|errno| Failure("swap on /dev/zram0", errno))
}

fn choose_algorithm() -> Result<(), Failure> {
    let mut last = Errno::NOENT;
    for name in zram::ALGORITHMS {
        match file::write(c"/sys/block/zram0/comp_algorithm", name.as_bytes()) {
            Ok(()) => return Ok(()),
            Err(errno) => last = errno,
        }
    }
    Err(Failure("choose an algorithm", last))
}

fn tune() -> Result<(), Failure> {
    let failed = |errno| Failure("tune the kernel's swapping", errno);
    // Read-ahead and reluctance to swap make sense for disks, not for memory.
    write_number(c"/proc/sys/vm/page-cluster", 0).map_err(failed)?;
    write_number(c"/proc/sys/vm/swappiness", 180).map_err(failed)?;
    // Compression itself needs memory at the very moment in which there is none.
    let reserve = memory()? / 1024 * 4 / 100;
    write_number(c"/proc/sys/vm/min_free_kbytes", reserve).map_err(failed)
}

fn memory() -> Result<u64, Failure> {
    let mut buffer = [0; 512];
    let failed = |errno| Failure("learn how much memory there is", errno);
    // The first line has it.
    let text = file::read_beginning(c"/proc/meminfo", &mut buffer).map_err(failed)?;
    zram::memory(text).ok_or(failed(Errno(22)))
}

/// Returns the size of a page, from the auxiliary vector: an aarch64 kernel may have 4, 16 or 64 KiB.
fn page_size() -> Result<usize, Errno> {
    const AT_PAGESZ: usize = 6;
    let mut buffer = [0; 1024];
    let vector = file::read(c"/proc/self/auxv", &mut buffer)?;
    let word = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).unwrap_or(0);
    vector
        .chunks_exact(16)
        .find(|entry| word(&entry[..8]) == AT_PAGESZ)
        .map(|entry| word(&entry[8..]))
        .ok_or(Errno::NOENT)
}

fn write_number(path: &core::ffi::CStr, number: u64) -> Result<(), Errno> {
    let mut text = Text::<24>::new();
    let _ = write!(text, "{number}");
    file::write(path, text.as_bytes())
}
