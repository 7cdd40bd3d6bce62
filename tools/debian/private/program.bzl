"""Rule: a program of an unpacked tree."""

load("//tools/debian:providers.bzl", "ProgramInfo")

def _debian_program_impl(ctx):
    launcher = ctx.file.launcher
    files = depset([launcher] + ctx.files.files)
    return [
        # One file, so that $(rlocationpath) names the launcher.
        DefaultInfo(
            files = depset([launcher]),
            runfiles = ctx.runfiles(transitive_files = files),
        ),
        ProgramInfo(program = launcher, files = files),
    ]

debian_program = rule(
    doc = "A program of an unpacked tree with the part of the tree that it needs.",
    implementation = _debian_program_impl,
    attrs = {
        "files": attr.label_list(doc = "Files that the program needs: program, loader, libraries, data.", allow_files = True, mandatory = True),
        "launcher": attr.label(doc = "The launcher, which `programs` of the tree declares.", allow_single_file = True, mandatory = True),
    },
    provides = [ProgramInfo],
)
