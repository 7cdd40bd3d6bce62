"""Rule: one crate of the standard library, compiled for guests."""

StdCrateInfo = provider(
    doc = "A compiled crate of the standard library.",
    fields = {
        "name": "Name of the crate.",
        "rlib": "File: the crate.",
        "rlibs": "depset of File: the crate and its dependencies.",
    },
)

# Like the programs' own flags, except for features that only the language's own libraries may use.
_FLAGS = [
    "--crate-type=rlib",
    "--cap-lints=allow",
    # Names of the crate's items, in programs too.
    "-Cmetadata=sandbox-guest",
    "-Ccodegen-units=1",
    "-Copt-level=s",
    "-Cpanic=abort",
    "-Crelocation-model=static",
    "-Ctarget-feature=+crt-static",
    # Only std's own crates may use unstable items, as in every build of std.
    "-Zforce-unstable-if-unmarked",
    # For `force:` below.
    "-Zunstable-options",
]

def _std_crate_impl(ctx):
    name = ctx.attr.crate_name or ctx.label.name
    triple = ctx.attr.architecture + "-unknown-linux-musl"
    rlib = ctx.actions.declare_file("lib/rustlib/{}/lib/lib{}-guest.rlib".format(triple, name))
    roots = [file for file in ctx.files.srcs if file.path.endswith("/" + ctx.attr.root)]
    if len(roots) != 1:
        fail("{}: {} of the sources are {} instead of one".format(ctx.label, len(roots), ctx.attr.root))

    args = ctx.actions.args()
    args.add("--subst", "pwd=${pwd}")
    args.add("--")
    args.add(ctx.executable._rustc)
    args.add(roots[0])
    args.add(name, format = "--crate-name=%s")
    args.add(ctx.attr.edition, format = "--edition=%s")
    args.add(triple, format = "--target=%s")
    args.add(rlib, format = "--emit=link=%s")
    args.add_all(_FLAGS)

    # The path in messages of a panic: `library/core/src/…`, and for third-party crates that of the repository.
    args.add("--remap-path-prefix=${pwd}=")
    if roots[0].owner.workspace_root:
        args.add("--remap-path-prefix={}/=".format(roots[0].owner.workspace_root))
    args.add_all(ctx.attr.crate_features, format_each = "--cfg=feature=\"%s\"")
    args.add_all(ctx.attr.cfgs, format_each = "--cfg=%s")
    args.add(rlib.dirname, format = "-Ldependency=%s")
    for dep, extern in ctx.attr.deps.items():
        args.add("--extern={}={}".format(extern, dep[StdCrateInfo].rlib.path))

    deps = depset(transitive = [dep[StdCrateInfo].rlibs for dep in ctx.attr.deps])
    ctx.actions.run(
        executable = ctx.executable._process_wrapper,
        arguments = [args],
        env = {
            # std is written in the language of the next version.
            "RUSTC_BOOTSTRAP": "1",
            "STD_ENV_ARCH": ctx.attr.architecture,
        },
        inputs = depset(ctx.files.srcs, transitive = [deps]),
        outputs = [rlib],
        tools = [ctx.executable._rustc, ctx.attr._rustc_lib[DefaultInfo].files],
        mnemonic = "RustStd",
        progress_message = "Compiling {} for {} guests".format(name, ctx.attr.architecture),
    )
    return [
        DefaultInfo(files = depset([rlib])),
        StdCrateInfo(name = name, rlib = rlib, rlibs = depset([rlib], transitive = [deps])),
    ]

std_crate = rule(
    doc = "One crate of the standard library, compiled for guests of one architecture. Its path is that below a sysroot.",
    implementation = _std_crate_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the guests.", mandatory = True),
        "cfgs": attr.string_list(doc = "Settings of the crate's build script."),
        "crate_features": attr.string_list(doc = "Features of the crate."),
        "crate_name": attr.string(doc = "Name of the crate; the target's name if empty."),
        "deps": attr.label_keyed_string_dict(doc = "Crates that it depends on, to its names for them.", providers = [StdCrateInfo]),
        "edition": attr.string(doc = "Edition of the language.", mandatory = True),
        "root": attr.string(doc = "End of the path of the crate's first file.", default = "src/lib.rs"),
        "srcs": attr.label_list(doc = "Sources.", allow_files = True, mandatory = True),
        "_process_wrapper": attr.label(
            default = "@rules_rust//util/process_wrapper",
            doc = "Passes rustc its directory, to keep it out of the crate.",
            executable = True,
            cfg = "exec",
        ),
        "_rustc": attr.label(default = "//tools/toolchains/rust:rustc", executable = True, allow_single_file = True, cfg = "exec"),
        "_rustc_lib": attr.label(default = "//tools/toolchains/rust:rustc_lib", cfg = "exec"),
    },
    provides = [StdCrateInfo],
)

def _std_sysroot_impl(ctx):
    rlibs = depset(transitive = [ctx.attr.std[StdCrateInfo].rlibs])

    # std passes the linker an unwinder by this name. It contains the functions of `no_unwinder`.
    unwind = ctx.actions.declare_file("lib/rustlib/{}-unknown-linux-musl/lib/libunwind.a".format(ctx.attr.architecture))
    ctx.actions.write(unwind, "!<arch>\n")
    return [DefaultInfo(files = depset([unwind], transitive = [rlibs]))]

std_sysroot = rule(
    doc = "std and the crates below it, as files of a sysroot.",
    implementation = _std_sysroot_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the guests.", mandatory = True),
        "std": attr.label(doc = "The crate `std`.", providers = [StdCrateInfo], mandatory = True),
    },
)
