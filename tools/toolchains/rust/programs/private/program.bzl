"""Repository rule: a program of a crate, built by the locked compiler."""

load("@debian//:defs.bzl", "debian_label")

def _tree(architecture, name, file = "BUILD.bazel"):
    """Returns the label of a file of a locked tree."""
    return Label(debian_label("{}_{}".format(name, architecture), file))

# rustc loads macros, which are libraries; all else that is built runs by itself, with any libc.
_COMPILER = """\
#!/bin/sh
case " $* " in *" proc-macro "*) ;; *) set -- "$@" -Ctarget-feature=+crt-static ;; esac
exec {command} "$@"
"""

def _environment(rctx):
    """Returns cargo's environment, with the locked compiler and linker."""
    architecture = "x86_64" if rctx.os.arch == "amd64" else rctx.os.arch

    # The linker's scripts of shared libraries name files below /lib and /lib64.
    rctx.symlink(rctx.path(_tree(architecture, "sysroot")).dirname.get_child("usr"), "sysroot/usr")
    for folder in ["lib", "lib64"]:
        rctx.symlink("sysroot/usr/" + folder, "sysroot/" + folder)
    sysroot = rctx.path("sysroot")
    command = [
        rctx.path(_tree(architecture, "rust", "bin/rustc")),
        "--sysroot={}".format(rctx.path(_tree(architecture, "rust_std")).dirname),
        "-Clinker={}".format(rctx.path(_tree(architecture, "llvm", "bin/clang"))),
        "-Clink-arg=--sysroot={}".format(sysroot),
        "-Clink-arg=--ld-path={}".format(rctx.path(_tree(architecture, "llvm", "bin/ld.lld"))),
        "-Clink-arg=--gcc-install-dir={}/usr/lib/gcc/{}-linux-gnu/14".format(sysroot, architecture),
    ]
    rctx.file("rustc", _COMPILER.format(command = " ".join(["'{}'".format(word) for word in command])), executable = True)
    return {
        "CARGO_HOME": str(rctx.path("home")),
        # A person waits for the program to be built, and not for what it does.
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
        "CARGO_PROFILE_RELEASE_STRIP": "true",
        "CARGO_TARGET_DIR": str(rctx.path("target")),
        # No compiler of the machine.
        "PATH": "/nonexistent",
        "RUSTC": str(rctx.path("rustc")),
        "RUSTC_WRAPPER": "",
    }

def _cargo(rctx, arguments, folder, environment):
    """Runs cargo in a folder."""
    done = rctx.execute(
        [rctx.path(rctx.attr._cargo)] + arguments + ["--quiet"],
        environment = environment,
        timeout = 3600,
        working_directory = folder,
    )
    if done.return_code:
        fail("{}: cargo {} failed: {}".format(rctx.name, arguments[0], done.stderr.strip().replace("\n", "; ")))

def _rust_program_impl(rctx):
    # Crates come from where the machine's own cargo takes them; checksums pin what they hold, so that it does not matter
    # where that is.
    home = rctx.os.environ.get("CARGO_HOME") or rctx.os.environ.get("HOME", "") + "/.cargo"
    rctx.file("home/README", "Removed when the program is built.\n")
    for file in ["config", "config.toml"]:
        if rctx.path(home + "/" + file).exists:
            rctx.symlink(home + "/" + file, "home/" + file)
    environment = _environment(rctx)

    crate = "{}-{}".format(rctx.attr.crate, rctx.attr.version)
    _cargo(rctx, ["info", "{}@{}".format(rctx.attr.crate, rctx.attr.version)], "home", environment)
    (registry,) = rctx.path("home/registry/cache").readdir()
    rctx.download("file://{}/{}.crate".format(registry, crate), "crate.tar.gz", sha256 = rctx.attr.sha256)
    rctx.extract("crate.tar.gz", stripPrefix = crate, output = "crate")
    for patch in rctx.attr.patches:
        rctx.patch(patch, strip = 1)
    rctx.report_progress("Building {} with cargo, which takes minutes".format(rctx.attr.crate))

    # Its Cargo.lock has the checksums of all others.
    _cargo(rctx, ["build", "--bin=" + rctx.attr.program, "--locked", "--release"], "crate", environment)
    rctx.execute(["/bin/cp", "target/release/" + rctx.attr.program, rctx.attr.program])
    for name in ["crate", "crate.tar.gz", "home", "rustc", "sysroot", "target"]:
        rctx.delete(name)
    rctx.file("BUILD.bazel", "exports_files([{}])\n".format(repr(rctx.attr.program)))

rust_program = repository_rule(
    doc = "A statically linked program of a crate, for the machine that Bazel runs on.",
    implementation = _rust_program_impl,
    attrs = {
        "crate": attr.string(doc = "Name of the crate, which brings a Cargo.lock.", mandatory = True),
        "patches": attr.label_list(doc = "Patches of the crate, whose files are `a/crate/…` and `b/crate/…`."),
        "program": attr.string(doc = "Name of the program.", mandatory = True),
        "sha256": attr.string(doc = "Checksum of the crate.", mandatory = True),
        "version": attr.string(doc = "Version of the crate.", mandatory = True),
        "_cargo": attr.label(default = debian_label("cargo_host", "bin/cargo"), doc = "The locked cargo."),
    },
    environ = ["CARGO_HOME"],
)
