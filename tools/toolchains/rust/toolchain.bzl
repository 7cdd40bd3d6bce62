"""Macro: the Rust toolchain of one pair of execution and target architecture."""

load("@debian//:defs.bzl", "debian_label", "debian_repository")
load("@rules_rust//rust:toolchain.bzl", "rust_toolchain", "rustfmt_toolchain")

# One static program in the end, in a guest and on a build host: a build host's libc may be older than the one that is
# linked here, and a guest's initramfs has none.
_RUSTC_FLAGS = [
    "-Ctarget-feature=+crt-static",
    "-Crelocation-model=static",
]

# By libc: the standard library, its needs, and rustc's name of the target.
_STDS = {
    # From Debian's packages: for programs of build hosts.
    "glibc": struct(
        flags = [],
        label = lambda architecture: debian_label("rust_std_" + architecture, "rust_std"),
        triple = "{}-unknown-linux-gnu",
    ),
    # Built from its sources, for guests. See std/README.md.
    "musl": struct(
        flags = [
            # Start files and libc come from the C toolchain.
            "-Clink-self-contained=no",
            "-Cpanic=abort",
        ],
        label = lambda architecture: "@std_crates//:rust_std_" + architecture,
        triple = "{}-unknown-linux-musl",
    ),
}

def _remapped_paths():
    """Return flags that give sources the same names in every module: messages of panics contain them."""
    own = Label("//tools/toolchains/rust:rustc.sh").workspace_root
    crates = Label(debian_label("crates_x86_64", "crates")).workspace_root
    return [
        "--remap-path-prefix={}/={}".format(directory, name)
        for directory, name in [(own, ""), (crates, "crates/")]
        if directory
    ]

def rust_toolchains(name, exec_architecture, target_architecture, libc):
    """Declare and constrain the toolchain.

    Args:
        name: name of the `toolchain` target.
        exec_architecture: architecture of the execution platform.
        target_architecture: architecture that it compiles for.
        libc: C library of the programs, as in //tools/platforms.
    """
    std = _STDS[libc]
    flags = _RUSTC_FLAGS + _remapped_paths()
    tree = debian_repository("rust_" + exec_architecture) + "//:"
    rust_toolchain(
        name = name + "_impl",
        binary_ext = "",
        clippy_driver = tree + "bin/clippy-driver",
        default_edition = "2021",
        dylib_ext = ".so",
        exec_triple = exec_architecture + "-unknown-linux-gnu",
        extra_exec_rustc_flags = flags,
        extra_rustc_flags = flags + std.flags,
        rust_doc = tree + "bin/rustdoc",
        rust_std = std.label(target_architecture),
        rustc = Label("//tools/toolchains/rust:rustc.sh"),
        rustc_lib = tree + "rustc_and_lib",
        rustfmt = tree + "bin/rustfmt",
        staticlib_ext = ".a",
        stdlib_linkflags = [],
        tags = ["manual"],
        target_triple = std.triple.format(target_architecture),
    )
    constraints = {
        "exec_compatible_with": [
            "@platforms//cpu:" + exec_architecture,
            "@platforms//os:linux",
        ],
        "target_compatible_with": [
            "@platforms//cpu:" + target_architecture,
            "@platforms//os:linux",
            "//tools/platforms:" + libc,
        ],
    }
    native.toolchain(
        name = name,
        toolchain = name + "_impl",
        toolchain_type = "@rules_rust//rust:toolchain_type",
        **constraints
    )
    rustfmt_toolchain(
        name = name + "_rustfmt_impl",
        rustc = tree + "bin/rustc",
        rustc_lib = tree + "rustc_lib",
        rustfmt = tree + "bin/rustfmt",
        tags = ["manual"],
    )
    native.toolchain(
        name = name + "_rustfmt",
        toolchain = name + "_rustfmt_impl",
        toolchain_type = "@rules_rust//rust/rustfmt:toolchain_type",
        **constraints
    )
