"""Macro: the C toolchain of one pair of execution and target architecture."""

load("@rules_cc//cc:defs.bzl", "cc_toolchain")
load("//tools/toolchains/cc:config.bzl", "cc_config")

def cc_toolchains(name, exec_architecture, target_architecture):
    """Declares and constrains the toolchain.

    Args:
        name: name of the `toolchain` target.
        exec_architecture: architecture that clang runs on.
        target_architecture: architecture that it compiles for.
    """
    llvm = "@llvm_{}//:".format(exec_architecture)
    sysroot = "@sysroot_{}//:".format(target_architecture)
    cc_config(
        name = name + "_config",
        ar = llvm + "bin/llvm-ar",
        clang = llvm + "bin/clang",
        strip = llvm + "bin/llvm-strip",
        sysroot_anchor = sysroot + "usr/include/stdio.h",
        tags = ["manual"],
        target_architecture = target_architecture,
    )
    files = {
        "ar": [llvm + "archiver"],
        "compiler": [llvm + "compiler", sysroot + "headers"],
        "linker": [llvm + "linker", sysroot + "libraries"],
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
        ],
        toolchain = name + "_impl",
        toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
    )
