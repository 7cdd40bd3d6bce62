"""Implementation of the rule `linux_source`."""

load("//tools/debian:providers.bzl", "DebianPackagesInfo")

LinuxSourceInfo = provider(
    doc = "The part of the kernel's source that guests need. It is the same for every architecture.",
    fields = {
        "archive": "File: the source, tar.zst.",
        "report": "File: JSON with name and version of Debian's package.",
    },
)

def _linux_source_impl(ctx):
    packages = ctx.attr.package[DebianPackagesInfo].packages.to_list()
    if len(packages) != 1:
        fail("{}: {} has {} packages: name linux-source-VERSION alone".format(ctx.label, ctx.attr.package.label, len(packages)))
    archive = ctx.actions.declare_file(ctx.label.name + ".tar.zst")
    report = ctx.actions.declare_file(ctx.label.name + ".json")
    args = ctx.actions.args()
    args.use_param_file("--flagfile=%s")
    args.set_param_file_format("multiline")
    args.add(packages[0], format = "--package=%s")
    args.add_all(ctx.attr.exclude, format_each = "--exclude=%s")
    args.add_all(ctx.attr.include, format_each = "--include=%s")
    args.add(archive, format = "--output=%s")
    args.add(report, format = "--report=%s")
    ctx.actions.run(
        executable = ctx.executable._linux_source,
        arguments = [args],
        inputs = packages,
        outputs = [archive, report],
        mnemonic = "LinuxSource",
        progress_message = "Pruning the kernel's source %{label}",
    )
    return [
        DefaultInfo(files = depset([archive])),
        OutputGroupInfo(report = depset([report])),
        LinuxSourceInfo(archive = archive, report = report),
    ]

linux_source = rule(
    doc = "Extracts the kernel's source from Debian's package, without the directories that no guest needs. The longest directory above " +
          "a file that `exclude` or `include` names decides on the file. Kconfig and make files are always included.",
    implementation = _linux_source_impl,
    attrs = {
        "exclude": attr.string_list(doc = "Directories to exclude. A directory that is not in the source fails the build."),
        "include": attr.string_list(doc = "Directories below excluded ones to keep."),
        "package": attr.label(
            doc = "Debian's linux-source-VERSION, `@NAME_ARCHITECTURE//:packages` of a `debian.archives`.",
            mandatory = True,
            providers = [DebianPackagesInfo],
        ),
        "_linux_source": attr.label(default = "//tools/linux_kernel:linux_source", executable = True, cfg = "exec"),
    },
    provides = [LinuxSourceInfo],
)
