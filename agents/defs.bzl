"""Flags of everything that runs in a guest."""

# Small, and an end instead of an unwinding where code panics: PID 1 has nobody to unwind to, and the kernel's panic is what
# a host sees. Libraries need the same, or their tables of landing pads ask for an unwinder.
GUEST_RUSTC_FLAGS = [
    "-Ccodegen-units=1",
    "-Copt-level=z",
    "-Cpanic=abort",
]
