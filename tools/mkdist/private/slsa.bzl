"""Implementation of the rule `slsa_provenance`."""

load("//tools/elfcheck:defs.bzl", "GuestBinaryInfo")
load("//tools/extract_kernel:defs.bzl", "KernelInfo")
load("//tools/mkdisk:defs.bzl", "DiskImageInfo")
load("//tools/mkinitramfs:defs.bzl", "InitramfsInfo")
load("//tools/platforms:check.bzl", "check_architecture")

SlsaInfo = provider(
    doc = "The provenance of an image.",
    fields = {
        "file": "File: the in-toto statement.",
        "subject": "File: the image.",
    },
)

def _subject(target):
    """Return the image, its architecture, and the report of its packages or None."""
    if DiskImageInfo in target:
        disk = target[DiskImageInfo]
        return disk.file, disk.architecture, disk.rootfs.packages
    if InitramfsInfo in target:
        return target[InitramfsInfo].file, target[InitramfsInfo].architecture, None
    return target[KernelInfo].vmlinuz, target[KernelInfo].architecture, None

def _slsa_provenance_impl(ctx):
    subject, architecture, report = _subject(ctx.attr.subject)
    check_architecture(ctx, [(target, target[GuestBinaryInfo].architecture) for target in ctx.attr.parts], own = architecture)
    parts = [target[GuestBinaryInfo].file for target in ctx.attr.parts]
    output = ctx.actions.declare_file(subject.basename.removesuffix(".qcow2") + ".intoto.json")
    args = ctx.actions.args()
    args.add(subject, format = "--subject=%s")
    args.add("--target=//{}:{}".format(ctx.attr.subject.label.package, ctx.attr.subject.label.name))
    args.add(architecture, format = "--architecture=%s")
    args.add(ctx.var["COMPILATION_MODE"], format = "--compilation_mode=%s")
    args.add(ctx.file._bazel_version, format = "--bazel_version=%s")
    args.add(ctx.file._module, format = "--module=%s")
    args.add_all(ctx.files.packages, format_each = "--packages=%s")
    args.add_all(ctx.files.requirements, format_each = "--requirements=%s")
    if report:
        args.add(report, format = "--packages_report=%s")
    args.add_all(parts, format_each = "--part=%s")
    for file in ctx.files.pins:
        args.add(file, format = "--pin={}=%s".format(file.short_path))
    args.add(output, format = "--output=%s")
    ctx.actions.run(
        executable = ctx.executable._slsa,
        arguments = [args],
        inputs = (
            [subject, ctx.file._bazel_version, ctx.file._module] + ctx.files.packages + ctx.files.requirements + ctx.files.pins + parts +
            ([report] if report else [])
        ),
        outputs = [output],
        mnemonic = "Provenance",
        progress_message = "Writing provenance %{output}",
    )
    return [
        DefaultInfo(files = depset([output])),
        SlsaInfo(file = output, subject = subject),
    ]

slsa_provenance = rule(
    doc = "Writes the origin of an image as an in-toto statement with SLSA provenance of version 1. The build fails if a " +
          "package of a disk is in none of the locks.",
    implementation = _slsa_provenance_impl,
    attrs = {
        "packages": attr.label_list(doc = "Locks of its packages.", allow_files = [".lock.json"]),
        "parts": attr.label_list(doc = "The project's own programs in it.", providers = [GuestBinaryInfo]),
        "pins": attr.label_list(doc = "Files that pin external tools and sources.", allow_files = True, mandatory = True),
        "requirements": attr.label_list(doc = "Requirements with the hashes of the wheels in it.", allow_files = [".txt"]),
        "subject": attr.label(
            doc = "The image: a disk, an initramfs or a kernel.",
            mandatory = True,
            providers = [[DiskImageInfo], [InitramfsInfo], [KernelInfo]],
        ),
        "_bazel_version": attr.label(default = "//:.bazelversion", allow_single_file = True),
        "_module": attr.label(default = "//:MODULE.bazel", allow_single_file = True),
        "_slsa": attr.label(default = "//tools/mkdist:slsa", executable = True, cfg = "exec"),
    },
    provides = [SlsaInfo],
)
