"""Macro: the C toolchain of one pair of execution and target architecture."""

load("@debian//:defs.bzl", "debian_repository")
load("@rules_cc//cc:defs.bzl", "cc_toolchain")
load("//tools/toolchains/cc:config.bzl", "cc_config")

def cc_toolchains(name, exec_architecture, target_architecture, libc):
    """Declare and constrain the toolchain.

    Args:
        name: name of the `toolchain` target.
        exec_architecture: architecture of the execution platform.
        target_architecture: architecture that it compiles for.
        libc: C library of the programs, as in //tools/platforms.
    """
    llvm = debian_repository("llvm_" + exec_architecture) + "//:"
    sysroot = debian_repository("sysroot_" + target_architecture) + "//:"
    musl = debian_repository("musl_" + target_architecture) + "//:"
    anchors = {
        "glibc": sysroot + "usr/include/stdio.h",
        "musl": musl + "usr/include/{}-linux-musl/stdio.h".format(target_architecture),
    }
    cc_config(
        name = name + "_config",
        ar = llvm + "bin/llvm-ar",
        clang = llvm + "bin/clang",
        libc = libc,
        runtime_anchor = anchors["glibc"],
        strip = llvm + "bin/llvm-strip",
        sysroot_anchor = anchors[libc],
        tags = ["manual"],
        target_architecture = target_architecture,
    )
    target_files = {
        "glibc": struct(compiler = [sysroot + "headers"], linker = [sysroot + "libraries"]),
        "musl": struct(compiler = [musl + "headers"], linker = [musl + "libraries", sysroot + "runtime"]),
    }[libc]
    files = {
        "ar": [llvm + "archiver"],
        "compiler": [llvm + "compiler"] + target_files.compiler,
        "linker": [llvm + "linker"] + target_files.linker,
    }
    for part, srcs in files.items():
        native.filegroup(name = "{}_{}".format(name, part), srcs = srcs, tags = ["manual"])
    native.filegroup(
        name = name + "_all",
        srcs = ["{}_{}".format(name, part) for part in files],
        tags = ["manual"],
    )
    cc_toolchain(
        name = name + "_impl",
        all_files = name + "_all",
        ar_files = name + "_ar",
        as_files = name + "_compiler",
        compiler_files = name + "_compiler",
        dwp_files = name + "_ar",
        linker_files = name + "_linker",
        objcopy_files = name + "_ar",
        strip_files = name + "_ar",
        supports_param_files = True,
        tags = ["manual"],
        toolchain_config = name + "_config",
        toolchain_identifier = "clang_" + target_architecture,
    )
    native.toolchain(
        name = name,
        exec_compatible_with = [
            "@platforms//cpu:" + exec_architecture,
            "@platforms//os:linux",
        ],
        target_compatible_with = [
            "@platforms//cpu:" + target_architecture,
            "@platforms//os:linux",
            "//tools/platforms:" + libc,
        ],
        toolchain = name + "_impl",
        toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
    )
