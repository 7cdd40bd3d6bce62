"""Configuration of the C toolchain: clang and lld for one target architecture."""

load(
    "@rules_cc//cc:action_names.bzl",
    "ACTION_NAMES",
    "ALL_CC_COMPILE_ACTION_NAMES",
    "ALL_CC_LINK_ACTION_NAMES",
)
load(
    "@rules_cc//cc:cc_toolchain_config_lib.bzl",
    "action_config",
    "feature",
    "flag_group",
    "flag_set",
    "tool",
)
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/toolchains:cc_toolchain_config_info.bzl", "CcToolchainConfigInfo")

# Bazel's own features that turn a link action's inputs and outputs into a command line.
_LINK_FEATURES = [
    "linkstamps",
    "output_execpath_flags",
    "library_search_directories",
    "libraries_to_link",
    "force_pic_flags",
    "user_link_flags",
    "linker_param_file",
]

def _always(name, actions, flags):
    return feature(
        name = name,
        enabled = True,
        flag_sets = [flag_set(actions = actions, flag_groups = [flag_group(flags = flags)])],
    )

def _config_impl(ctx):
    architecture = ctx.attr.target_architecture
    libc = ctx.attr.libc
    triple = architecture + {"glibc": "-linux-gnu", "musl": "-linux-musl"}[libc]
    sysroot = ctx.file.sysroot_anchor.path.rsplit("/usr/include/", 1)[0]
    runtime = ctx.file.runtime_anchor.path.rsplit("/usr/include/", 1)[0]
    llvm = ctx.file.clang.path.removesuffix("/bin/clang")
    common = [
        "--target=" + triple,
        "--sysroot=" + sysroot,
        # Do not search next to the program, which is the loader if a launcher starts it, and not the machine either.
        "-resource-dir=" + llvm + "/usr/lib/llvm-19/lib/clang/19",
        "--no-default-config",
        "-no-canonical-prefixes",
    ]

    headers, libraries = [], []
    if libc == "musl":
        # clang only knows glibc's directories.
        headers = ["-isystem", ctx.file.sysroot_anchor.dirname]
        libraries = [flag + sysroot + "/usr/lib/" + triple for flag in ["-B", "-L"]] + ["-static"]

    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = "clang_{}_{}".format(architecture, libc),
        compiler = "clang",
        target_cpu = architecture,
        target_libc = libc,
        target_system_name = triple,
        abi_libc_version = libc,
        abi_version = "clang",
        action_configs = [
            action_config(action_name = name, enabled = True, tools = [tool(tool = ctx.file.clang)])
            for name in ALL_CC_COMPILE_ACTION_NAMES
        ] + [
            action_config(
                action_name = name,
                enabled = True,
                implies = _LINK_FEATURES,
                tools = [tool(tool = ctx.file.clang)],
            )
            for name in ALL_CC_LINK_ACTION_NAMES
        ] + [
            action_config(
                action_name = ACTION_NAMES.cpp_link_static_library,
                enabled = True,
                implies = ["archiver_flags"],
                tools = [tool(tool = ctx.file.ar)],
            ),
            action_config(action_name = ACTION_NAMES.strip, enabled = True, tools = [tool(tool = ctx.file.strip)]),
        ],
        features = [
            _always("target", ALL_CC_COMPILE_ACTION_NAMES + ALL_CC_LINK_ACTION_NAMES, common),
            _always("reproducible", ALL_CC_COMPILE_ACTION_NAMES, headers + [
                "-ffile-compilation-dir=.",
                "-Wdate-time",
                "-Werror=date-time",
            ]),
            _always("warnings", ALL_CC_COMPILE_ACTION_NAMES, ["-Wall", "-Wextra"]),
            _always("linker", ALL_CC_LINK_ACTION_NAMES, [
                "--ld-path=" + llvm + "/bin/ld.lld",
                "--gcc-install-dir={}/usr/lib/gcc/{}-linux-gnu/14".format(runtime, architecture),
                "-Wl,--build-id=none",
                # rustc passes -no-pie in addition to -static.
                "-Wno-unused-command-line-argument",
            ] + libraries),
            feature(name = "supports_pic", enabled = True),
            feature(name = "static_link_cpp_runtimes", enabled = False),
        ],
    )

cc_config = rule(
    doc = "clang and lld for one target architecture, and their sysroot.",
    implementation = _config_impl,
    attrs = {
        "ar": attr.label(doc = "llvm-ar.", allow_single_file = True, mandatory = True),
        "clang": attr.label(doc = "clang, also for linking.", allow_single_file = True, mandatory = True),
        "libc": attr.string(doc = "C library of the programs: glibc or musl.", mandatory = True),
        "runtime_anchor": attr.label(doc = "usr/include/stdio.h of the tree with the compiler's runtime.", allow_single_file = True, mandatory = True),
        "strip": attr.label(doc = "llvm-strip.", allow_single_file = True, mandatory = True),
        "sysroot_anchor": attr.label(doc = "stdio.h of the sysroot.", allow_single_file = True, mandatory = True),
        "target_architecture": attr.string(doc = "Architecture to compile for.", mandatory = True),
    },
    provides = [CcToolchainConfigInfo],
)
