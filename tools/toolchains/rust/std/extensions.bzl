"""Module extension: the third-party crates of the standard library of guest programs."""

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
    doc = "The repository `std_crates`: crates that std depends on, pinned by its own Cargo.lock.",
    implementation = _std_impl,
)
