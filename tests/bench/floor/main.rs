//! PID 1 of an initramfs that only restarts the machine, which ends QEMU.
//!
//! Such a boot costs only QEMU, firmware and kernel: no other boot with that kernel can take less.

#![no_std]
#![no_main]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

use core::arch::{asm, global_asm};
use core::panic::PanicInfo;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start",
    ".type _start, @function",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {restart}",
    "ud2",
    ".size _start, . - _start",
    restart = sym restart,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start",
    ".type _start, %function",
    "_start:",
    "mov x29, #0",
    "mov x30, #0",
    "bl {restart}",
    "brk #1",
    ".size _start, . - _start",
    restart = sym restart,
);

/// The magic numbers in the first two arguments of `reboot`, and the command for a restart.
const MAGIC: [usize; 2] = [0xfee1_dead, 0x2812_1969];
const RESTART: usize = 0x0123_4567;

/// Restarts the machine. If that fails the kernel panics, because its PID 1 ends.
extern "C" fn restart() -> ! {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: `reboot` with this command reads no memory of the program; `ud2` ends it if the call comes back.
    unsafe {
        asm!(
            "syscall",
            "ud2",
            in("rax") 169usize,
            in("rdi") MAGIC[0],
            in("rsi") MAGIC[1],
            in("rdx") RESTART,
            in("r10") 0usize,
            options(noreturn, nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above; `brk` ends the program.
    unsafe {
        asm!(
            "svc #0",
            "brk #1",
            in("x8") 142usize,
            in("x0") MAGIC[0],
            in("x1") MAGIC[1],
            in("x2") RESTART,
            in("x3") 0usize,
            options(noreturn, nostack),
        );
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    restart()
}
