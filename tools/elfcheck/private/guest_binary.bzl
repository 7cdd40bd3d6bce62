"""Implementation of the rule `guest_binary`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

GuestBinaryInfo = provider(
    doc = "A static program that runs in guests. Images accept programs only in this form.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu. The check has compared it with the file's ELF header.",
        "file": "File: the program. It exists only if the check passed.",
    },
)

def _guest_impl(_settings, attr):
    return {
        "//command_line_option:compilation_mode": "opt",
        "//command_line_option:platforms": [str(Label("//tools/platforms:{}_linux".format(attr.architecture)))],
    }

_guest = transition(
    implementation = _guest_impl,
    inputs = [],
    outputs = [
        "//command_line_option:compilation_mode",
        "//command_line_option:platforms",
    ],
)

def _guest_binary_impl(ctx):
    # A label with a transition is a list, here always of one target.
    binary = ctx.attr.binary[0]
    files = binary[DefaultInfo].files.to_list()
    if len(files) != 1:
        fail("{}: {} has {} files instead of one program".format(ctx.label, binary.label, len(files)))

    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name)
    report = ctx.actions.declare_file(ctx.label.name + ".elf.json")
    args = ctx.actions.args()
    args.add("--kind=static_executable")
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    args.add(files[0], format = "--input=%s")
    args.add(output, format = "--copy=%s")
    args.add(report, format = "--report=%s")
    ctx.actions.run(
        executable = ctx.executable._elfcheck,
        arguments = [args],
        inputs = files,
        outputs = [output, report],
        mnemonic = "ElfCheck",
        progress_message = "Checking guest binary %{label}",
    )
    return [
        DefaultInfo(files = depset([output])),
        OutputGroupInfo(_validation = depset([report]), elf_report = depset([report])),
        GuestBinaryInfo(architecture = ctx.attr.architecture, file = output),
    ]

guest_binary = rule(
    doc = "Builds a program for one guest architecture, on a build host of any architecture, and " +
          "checks that the result is a static executable for it.",
    implementation = _guest_binary_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the guests.", values = ARCHITECTURES.keys(), mandatory = True),
        "binary": attr.label(doc = "The program; built for the architecture's platform, optimised.", cfg = _guest, mandatory = True),
        "out": attr.string(doc = "Name of the file; the target's name if empty."),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
        "_elfcheck": attr.label(default = "//tools/elfcheck", executable = True, cfg = "exec"),
    },
    provides = [GuestBinaryInfo],
)
