//! The system call instruction of each architecture, and the numbers of the calls in use.

use core::arch::asm;

macro_rules! numbers {
    ($($name:ident: $x86_64:literal, $aarch64:literal;)*) => {
        $(
            #[cfg(target_arch = "x86_64")]
            pub const $name: usize = $x86_64;
            #[cfg(target_arch = "aarch64")]
            pub const $name: usize = $aarch64;
        )*
    };
}

/// Numbers of system calls, by their names in the kernel's tables.
pub mod number {
    numbers! {
        CHDIR: 80, 49;
        CHROOT: 161, 51;
        CLOCK_GETTIME: 228, 113;
        CLONE: 56, 220;
        CLOSE: 3, 57;
        DUP3: 292, 24;
        EXECVE: 59, 221;
        EXIT_GROUP: 231, 94;
        FADVISE64: 221, 223;
        FCNTL: 72, 25;
        FINIT_MODULE: 313, 273;
        GETDENTS64: 217, 61;
        IOCTL: 16, 29;
        MKDIRAT: 258, 34;
        MOUNT: 165, 40;
        NANOSLEEP: 35, 101;
        OPENAT: 257, 56;
        PREAD64: 17, 67;
        READ: 0, 63;
        STATFS: 137, 43;
        STATX: 332, 291;
        SYMLINKAT: 266, 36;
        UMOUNT2: 166, 39;
        UNLINKAT: 263, 35;
        WAIT4: 61, 260;
        WRITE: 1, 64;
    }
}

/// Makes a system call.
///
/// # Safety
///
/// The arguments are valid for the call: its pointers point to memory that the call may read or write.
#[inline(always)]
pub unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller vouches for the arguments.
    unsafe { call_with(number, a, b, c, d, e, f) }
}

/// Executes the instruction. The arguments are separate, because an array would go through memory.
#[inline(never)]
unsafe fn call_with(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller vouches for the arguments; the kernel clobbers rcx and r11 and does not touch the stack.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller vouches for the arguments; the kernel changes only x0 and does not touch the stack.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") a as isize => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            in("x4") e,
            in("x5") f,
            options(nostack),
        );
    }
    result
}
