//! The entry point of the program, and the functions of a C library that compiled code calls.

use core::arch::{asm, global_asm};

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

/// Copies `count` bytes; the areas do not overlap.
///
/// This is assembly, because the compiler turns a loop into a call of this very function.
///
/// # Safety
///
/// As for `memcpy` of C.
#[no_mangle]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller vouches for both areas; the direction flag is clear by the calling convention.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") count => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller vouches for both areas; exactly `count` bytes are touched.
    unsafe {
        asm!(
            "cbz {count}, 3f",
            "2:",
            "ldrb {byte:w}, [{from}], #1",
            "strb {byte:w}, [{to}], #1",
            "subs {count}, {count}, #1",
            "b.ne 2b",
            "3:",
            count = inout(reg) count => _,
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            byte = out(reg) _,
            options(nostack),
        );
    }
    to
}

/// Copies `count` bytes; the areas may overlap.
///
/// # Safety
///
/// As for `memmove` of C.
#[no_mangle]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // Copy forwards unless the target starts inside the source.
    if (to as usize).wrapping_sub(from as usize) >= count {
        // SAFETY: the caller vouches for both areas; a copy of single bytes from the front reads each one before it
        // is overwritten.
        return unsafe { memcpy(to, from, count) };
    }
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above, backwards; the direction flag is cleared again.
    unsafe {
        asm!(
            "std",
            "rep movsb",
            "cld",
            inout("rcx") count => _,
            inout("rdi") to.wrapping_add(count).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(count).wrapping_sub(1) => _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above, backwards; `count` is not zero, or the branch above would have been taken.
    unsafe {
        asm!(
            "2:",
            "ldrb {byte:w}, [{from}, #-1]!",
            "strb {byte:w}, [{to}, #-1]!",
            "subs {count}, {count}, #1",
            "b.ne 2b",
            count = inout(reg) count => _,
            from = inout(reg) from.wrapping_add(count) => _,
            to = inout(reg) to.wrapping_add(count) => _,
            byte = out(reg) _,
            options(nostack),
        );
    }
    to
}

/// Sets `count` bytes to `value`.
///
/// # Safety
///
/// As for `memset` of C.
#[no_mangle]
unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller vouches for the area; the direction flag is clear by the calling convention.
    unsafe {
        asm!(
            "rep stosb",
            inout("rcx") count => _,
            inout("rdi") to => _,
            in("al") value as u8,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller vouches for the area; exactly `count` bytes are touched.
    unsafe {
        asm!(
            "cbz {count}, 3f",
            "2:",
            "strb {value:w}, [{to}], #1",
            "subs {count}, {count}, #1",
            "b.ne 2b",
            "3:",
            count = inout(reg) count => _,
            to = inout(reg) to => _,
            value = in(reg) value,
            options(nostack),
        );
    }
    to
}

/// Compares `count` bytes.
///
/// # Safety
///
/// As for `memcmp` of C.
#[no_mangle]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    for index in 0..count {
        // SAFETY: the caller vouches for `count` bytes in both areas. Volatile reads keep the compiler from
        // replacing the loop by a call of this very function.
        let (left, right) = unsafe {
            (
                left.add(index).read_volatile(),
                right.add(index).read_volatile(),
            )
        };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}

/// Compares `count` bytes for equality. Compilers call it instead of `memcmp` if the order does not matter.
///
/// # Safety
///
/// As for `memcmp` of C.
#[no_mangle]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: the caller vouches for both areas.
    unsafe { memcmp(left, right, count) }
}

/// Satisfies a reference of the core library, which was compiled for programs that unwind. Nothing calls it.
#[no_mangle]
extern "C" fn rust_eh_personality() {}
