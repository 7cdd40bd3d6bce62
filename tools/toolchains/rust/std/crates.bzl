"""Macro: the standard library of guest programs, built from its sources."""

load("@debian//:defs.bzl", "debian_label")
load("//tools/toolchains/rust/std/private:crate.bzl", "std_crate", "std_sysroot")

# Sources of each crate below @rust_src, or, with the names of packages, below @std_crates. Features and cfgs are those
# that cargo and the build scripts would determine for `-Zbuild-std` without backtraces, for either architecture.
_CRATES = {
    "core": struct(
        edition = "2021",
        features = ["optimize_for_size"],
    ),
    "rustc_std_workspace_core": struct(
        deps = {"core": "core"},
        edition = "2021",
        root = "lib.rs",
    ),
    "compiler_builtins": struct(
        cfgs = [
            "f16_enabled",
            "f128_enabled",
        ],
        deps = {"rustc_std_workspace_core": "core"},
        edition = "2021",
        features = [
            "compiler-builtins",
            "core",
            "force-soft-floats",
            "mem-unaligned",
            # Outlined atomics of aarch64, which no code for musl needs.
            "no-asm",
            "rustc-dep-of-std",
            "unstable",
        ],
        package = "compiler_builtins",
    ),
    "alloc": struct(
        deps = {
            "compiler_builtins": "compiler_builtins",
            "core": "core",
        },
        edition = "2021",
        features = ["optimize_for_size"],
    ),
    "rustc_std_workspace_alloc": struct(
        deps = {
            "alloc": "alloc",
            "core": "core",
        },
        edition = "2021",
        root = "lib.rs",
    ),
    "libc": struct(
        cfgs = [
            "libc_const_extern_fn",
            "libc_thread_local",
        ],
        deps = {"rustc_std_workspace_core": "rustc_std_workspace_core"},
        edition = "2021",
        features = [
            "align",
            "rustc-dep-of-std",
            "rustc-std-workspace-core",
        ],
        package = "libc",
    ),
    "cfg_if": struct(
        deps = {
            "compiler_builtins": "compiler_builtins",
            "rustc_std_workspace_core": "core",
        },
        edition = "2018",
        features = ["rustc-dep-of-std"],
        package = "cfg-if",
    ),
    "unwind": struct(
        deps = {
            "cfg_if": "cfg_if",
            "compiler_builtins": "compiler_builtins",
            "core": "core",
            "libc": "libc",
        },
        edition = "2021",
    ),
    "panic_abort": struct(
        deps = {
            "alloc": "alloc",
            "cfg_if": "cfg_if",
            "compiler_builtins": "compiler_builtins",
            "core": "core",
            "libc": "libc",
        },
        edition = "2021",
    ),
    "rustc_demangle": struct(
        deps = {
            "compiler_builtins": "compiler_builtins",
            "rustc_std_workspace_core": "core",
        },
        edition = "2015",
        features = ["rustc-dep-of-std"],
        package = "rustc-demangle",
    ),
    "hashbrown": struct(
        deps = {
            "compiler_builtins": "compiler_builtins",
            "rustc_std_workspace_alloc": "alloc",
            "rustc_std_workspace_core": "core",
        },
        edition = "2021",
        features = [
            "nightly",
            "raw-entry",
            "rustc-dep-of-std",
            "rustc-internal-api",
        ],
        package = "hashbrown",
    ),
    "std_detect": struct(
        deps = {
            "cfg_if": "cfg_if",
            "compiler_builtins": "compiler_builtins",
            "libc": "libc",
            "rustc_std_workspace_alloc": "alloc",
            "rustc_std_workspace_core": "core",
        },
        edition = "2021",
        features = ["rustc-dep-of-std"],
    ),
    "no_unwinder": struct(
        deps = {
            "compiler_builtins": "compiler_builtins",
            "core": "core",
        },
        edition = "2021",
        root = "no_unwinder.rs",
        srcs = Label("//tools/toolchains/rust/std:no_unwinder.rs"),
    ),
    "std": struct(
        cfgs = [
            "backtrace_in_libstd",
            "reliable_f128",
            "reliable_f16",
        ],
        deps = {
            "alloc": "alloc",
            "cfg_if": "cfg_if",
            "compiler_builtins": "compiler_builtins",
            "core": "core",
            "hashbrown": "hashbrown",
            "libc": "libc",
            # Linked though nothing in std names it.
            "no_unwinder": "force:no_unwinder",
            "panic_abort": "panic_abort",
            "rustc_demangle": "rustc_demangle",
            "std_detect": "std_detect",
            "unwind": "unwind",
        },
        edition = "2021",
        features = ["optimize_for_size"],
    ),
}

def std_crates(name, architecture):
    """Declare std and the crates below it, each compiled for guests.

    Args:
        name: name of the target with all of them, as files of a sysroot.
        architecture: architecture of the guests.
    """
    prefix = architecture + "_"
    for crate, how in _CRATES.items():
        package = getattr(how, "package", None)
        srcs = getattr(how, "srcs", None) or (package and ":" + package) or Label(debian_label("rust_src_x86_64", crate))
        std_crate(
            name = prefix + crate,
            architecture = architecture,
            cfgs = getattr(how, "cfgs", []),
            crate_features = getattr(how, "features", []),
            crate_name = crate,
            edition = how.edition,
            root = getattr(how, "root", "{}/src/lib.rs".format(package or crate)),
            srcs = [srcs],
            tags = ["manual"],
            deps = {prefix + dep: extern for dep, extern in getattr(how, "deps", {}).items()},
        )
    std_sysroot(
        name = name,
        architecture = architecture,
        std = prefix + "std",
        tags = ["manual"],
    )
