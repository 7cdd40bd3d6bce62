"""Implementation of the rule `dist`."""

load("//tools/elfcheck:defs.bzl", "GuestBinaryInfo")
load("//tools/extract_kernel:defs.bzl", "KernelInfo")
load("//tools/mkinitramfs:defs.bzl", "InitramfsInfo")
load(":kernel_sbom.bzl", "KernelSbomInfo")
load(":sbom.bzl", "SbomInfo")
load(":slsa.bzl", "SlsaInfo")

def _dist_impl(ctx):
    initramfs = [target[InitramfsInfo] for target in ctx.attr.initramfs]
    kernels = [target[KernelInfo] for target in ctx.attr.kernels]
    sboms = [target[SbomInfo] for target in ctx.attr.sboms]
    kernel_sboms = [target[KernelSbomInfo] for target in ctx.attr.kernel_sboms]
    images = (
        [info.vmlinuz for info in kernels] +
        [info.file for info in initramfs] +
        [info.disk.file for info in sboms]
    )
    provenance = {target[SlsaInfo].subject: target[SlsaInfo].file for target in ctx.attr.provenance}
    for image in images:
        if image not in provenance:
            fail("{}: contains {} without its provenance: add its slsa_provenance".format(ctx.label, image.basename))
    files = (
        [target[GuestBinaryInfo].file for target in ctx.attr.binaries] +
        images +
        [info.file for info in sboms + kernel_sboms] +
        [provenance[image] for image in images]
    )
    renamed = {}
    for target, name in ctx.attr.names.items():
        if target.label not in [sbom.label for sbom in ctx.attr.sboms]:
            fail("{}: names {}, which is not among its sboms".format(ctx.label, target.label))
        info = target[SbomInfo]
        disk = info.disk.file
        for file in [disk, info.file, provenance[disk]]:
            renamed[file.basename] = name + file.basename.removeprefix(disk.basename.removesuffix(".qcow2"))
    output = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add_all(files, format_each = "--file=%s")
    for old, new in renamed.items():
        args.add("--rename={}={}".format(old, new))
    args.add_all([info.report for info in initramfs], format_each = "--initramfs_report=%s")

    # All forms of a kernel share it.
    reports = {}
    for info in kernels:
        reports["--kernel_release={}=%s".format(info.architecture)] = info.release
        if info.report:
            reports["--kernel_report={}=%s".format(info.architecture)] = info.report
    for flag, file in reports.items():
        args.add(file, format = flag)
    args.add_all([output], format_each = "--output=%s", expand_directories = False)
    ctx.actions.run(
        executable = ctx.executable._mkdist,
        arguments = [args],
        inputs = files + [info.report for info in initramfs] + reports.values(),
        outputs = [output],
        mnemonic = "MkDist",
        progress_message = "Collecting %{label}",
        # The action only copies: remote execution would cost more than a local copy.
        execution_requirements = {"no-remote-exec": "1"},
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output]),
    )]

dist = rule(
    doc = "A flat directory with all products, and `manifest.json` with " +
          "size and sha256 of each file, and for each architecture the kernel's release, its inputs, and the modules.",
    implementation = _dist_impl,
    attrs = {
        "binaries": attr.label_list(doc = "The project's own programs.", providers = [GuestBinaryInfo]),
        "initramfs": attr.label_list(doc = "One initramfs per architecture.", providers = [InitramfsInfo]),
        "kernel_sboms": attr.label_list(doc = "Bills of materials of kernels.", providers = [KernelSbomInfo]),
        "kernels": attr.label_list(doc = "Kernels, in each shipped form.", providers = [KernelInfo]),
        "names": attr.label_keyed_string_dict(
            doc = "Bill of materials to the name, without suffix, of its image and documents in " +
                  "the directory. The documents keep their content: they contain the original name of the image, and identify it by its digest.",
            providers = [SbomInfo],
        ),
        "provenance": attr.label_list(doc = "Provenance of every image.", providers = [SlsaInfo]),
        "sboms": attr.label_list(doc = "Bills of materials; the directory also contains their images.", providers = [SbomInfo]),
        "_mkdist": attr.label(default = "//tools/mkdist", executable = True, cfg = "exec"),
    },
)
