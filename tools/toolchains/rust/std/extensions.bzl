"""Module extension: what the standard library of guest programs is built of."""

load("//tools/toolchains/rust/std/private:repository.bzl", "std_crates_repository")

def _std_impl(_mctx):
    std_crates_repository(
        name = "std_crates",
        build_file = "//tools/toolchains/rust/std:std_crates.BUILD",
        crates = [
            "cfg-if",
            "compiler_builtins",
            "hashbrown",
            "libc",
            "rustc-demangle",
        ],
    )

std = module_extension(
    doc = "The repository `std_crates`: crates that std depends on, as its own Cargo.lock pins them.",
    implementation = _std_impl,
)
