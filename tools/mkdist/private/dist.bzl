"""Implementation of the rule `dist`."""

load("//tools/elfcheck:defs.bzl", "GuestBinaryInfo")
load("//tools/extract_kernel:defs.bzl", "KernelInfo")
load("//tools/mkinitramfs:defs.bzl", "InitramfsInfo")
load(":sbom.bzl", "SbomInfo")
load(":slsa.bzl", "SlsaInfo")

def _dist_impl(ctx):
    initramfs = [target[InitramfsInfo] for target in ctx.attr.initramfs]
    sboms = [target[SbomInfo] for target in ctx.attr.sboms]
    images = (
        [target[KernelInfo].vmlinuz for target in ctx.attr.kernels] +
        [info.file for info in initramfs] +
        [info.disk.file for info in sboms]
    )
    provenance = {target[SlsaInfo].subject: target[SlsaInfo].file for target in ctx.attr.provenance}
    for image in images:
        if image not in provenance:
            fail("{}: ships {} and not its provenance: add its slsa_provenance".format(ctx.label, image.basename))
    files = (
        [target[GuestBinaryInfo].file for target in ctx.attr.binaries] +
        images +
        [info.file for info in sboms] +
        [provenance[image] for image in images]
    )
    output = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add_all(files, format_each = "--file=%s")
    args.add_all([info.report for info in initramfs], format_each = "--initramfs_report=%s")
    args.add_all([output], format_each = "--output=%s", expand_directories = False)
    ctx.actions.run(
        executable = ctx.executable._mkdist,
        arguments = [args],
        inputs = files + [info.report for info in initramfs],
        outputs = [output],
        mnemonic = "MkDist",
        progress_message = "Collecting %{label}",
        # It only copies: sending it away would cost more than doing it.
        execution_requirements = {"no-remote-exec": "1"},
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output]),
    )]

dist = rule(
    doc = "A flat folder with everything that is shipped, under the names that hosts expect, and `manifest.json` with " +
          "size and sha256 of each file, and the kernel release and modules of each architecture.",
    implementation = _dist_impl,
    attrs = {
        "binaries": attr.label_list(doc = "The project's own programs.", providers = [GuestBinaryInfo]),
        "initramfs": attr.label_list(doc = "One initramfs an architecture.", providers = [InitramfsInfo]),
        "kernels": attr.label_list(doc = "Kernels, in each form that is shipped.", providers = [KernelInfo]),
        "provenance": attr.label_list(doc = "Provenance of every image that is shipped.", providers = [SlsaInfo]),
        "sboms": attr.label_list(doc = "Bills of materials; their images are shipped with them.", providers = [SbomInfo]),
        "_mkdist": attr.label(default = "//tools/mkdist", executable = True, cfg = "exec"),
    },
)
