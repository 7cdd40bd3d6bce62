"""Repository rule: pinned packages as `.deb` files, which the packers read."""

load(":download.bzl", "download_packages")

_BUILD = """\
load("@@{module}//tools/debian:defs.bzl", "debian_packages")

debian_packages(
    name = "packages",
    architecture = "{architecture}",
    packages = {files},
    visibility = ["//visibility:public"],
)

exports_files({files})
"""

def _debian_archives_impl(rctx):
    if rctx.attr.error:
        fail(rctx.attr.error)
    files = download_packages(rctx, json.decode(rctx.attr.packages), "pool")
    rctx.file("BUILD.bazel", _BUILD.format(
        module = Label("//:all").workspace_name,
        architecture = rctx.attr.architecture,
        files = json.encode_indent(files, prefix = "    ", indent = "    "),
    ))

debian_archives = repository_rule(
    doc = "Packages of one request and one architecture as `.deb` files: `:packages` contains all of them " +
          "(`DebianPackagesInfo`), and `:pool/NAME_ARCH.deb` one.",
    implementation = _debian_archives_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture, as in @platforms//cpu.", mandatory = True),
        "error": attr.string(doc = "Why the lock cannot be used, or empty."),
        "packages": attr.string(doc = "JSON list of the lock's packages.", mandatory = True),
        "update": attr.string(doc = "How to update the lock, for messages.", mandatory = True),
        "snapshots": attr.string_dict(doc = "Time at which the snapshot service has the packages, by archive."),
    },
)
