//! The entry point of the program.

use core::arch::global_asm;

// The kernel enters with the stack pointer at argc. `start` needs neither arguments nor environment, and never returns.
// The frame pointer (and link register) of the outermost frame are zero, so that a debugger stops there.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start",
    ".type _start, @function",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {start}",
    "ud2",
    ".size _start, . - _start",
    start = sym start,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start",
    ".type _start, %function",
    "_start:",
    "mov x29, #0",
    "mov x30, #0",
    // The kernel aligns the stack pointer; the call keeps the alignment.
    "bl {start}",
    "brk #1",
    ".size _start, . - _start",
    start = sym start,
);

extern "C" fn start() -> ! {
    crate::main()
}

/// Satisfies a reference of the core library, which was compiled for programs that unwind. Nothing calls it.
#[no_mangle]
extern "C" fn rust_eh_personality() {}
