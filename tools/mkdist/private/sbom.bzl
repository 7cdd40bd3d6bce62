"""Implementation of the rule `sbom`."""

load("//tools/mkdisk:defs.bzl", "DiskImageInfo")

SbomInfo = provider(
    doc = "The bill of materials of an image.",
    fields = {
        "disk": "DiskImageInfo: the image.",
        "file": "File: the SPDX document.",
    },
)

def _sbom_impl(ctx):
    disk = ctx.attr.disk[DiskImageInfo]
    output = ctx.actions.declare_file(disk.file.basename.removesuffix(".qcow2") + ".spdx.json")
    args = ctx.actions.args()
    args.add(disk.file, format = "--image=%s")
    args.add(disk.rootfs.tar, format = "--rootfs_tar=%s")
    args.add(disk.rootfs.spec, format = "--rootfs_spec=%s")
    args.add(disk.rootfs.packages, format = "--packages_report=%s")
    args.add(output, format = "--output=%s")
    ctx.actions.run(
        executable = ctx.executable._sbom,
        arguments = [args],
        inputs = [disk.file, disk.rootfs.tar, disk.rootfs.spec, disk.rootfs.packages],
        outputs = [output],
        mnemonic = "Sbom",
        progress_message = "Writing bill of materials %{output}",
    )
    return [
        DefaultInfo(files = depset([output])),
        SbomInfo(disk = disk, file = output),
    ]

sbom = rule(
    doc = "Writes the bill of materials of an image as SPDX 2.3 in JSON. The build fails if a file of the image belongs to " +
          "no package, spec or guest binary, or if the image contains nothing of a package.",
    implementation = _sbom_impl,
    attrs = {
        "disk": attr.label(doc = "The image.", mandatory = True, providers = [DiskImageInfo]),
        "_sbom": attr.label(default = "//tools/mkdist:sbom", executable = True, cfg = "exec"),
    },
    provides = [SbomInfo],
)
