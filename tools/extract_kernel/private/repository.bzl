"""Repository rule: one kernel package, pinned by its sha256."""

load("//tools/vendor:vendored.bzl", "take_vendored")

_BUILD = """\
load("@@{module}//tools/extract_kernel:defs.bzl", "kernel_package")

kernel_package(
    name = "package",
    architecture = "{architecture}",
    package = "{file}",
    visibility = ["//visibility:public"],
)
"""

def _kernel_repository_impl(rctx):
    if bool(rctx.attr.urls) == bool(rctx.attr.file):
        fail("{}: give either `urls` or `file` of the kernel package".format(rctx.name))
    source = rctx.path(rctx.attr.file) if rctx.attr.file else None
    name = source.basename if source else rctx.attr.urls[0].rpartition("/")[2]
    suffix = name.rpartition(".")[2]
    if suffix not in ["apk", "deb"]:
        fail("{}: {} is neither an .apk nor a .deb: give a kernel package of Alpine or Debian".format(rctx.name, name))
    file = "kernel." + suffix

    # Bazel also downloads from file: addresses, so it checks a file of the workspace like any other.
    urls = ["file://{}".format(source)] if source else rctx.attr.urls
    taken = not source and take_vendored(rctx, file, "kernel package " + name, sha256 = rctx.attr.sha256)
    if not taken and not rctx.download(urls, file, sha256 = rctx.attr.sha256, allow_fail = True).success:
        fail(("{}: cannot download the kernel package {} with sha256 {}; see the warning above. 'Checksum was': it is " +
              "another package; use the digest of the right one. Anything else: correct `urls` or `file`, or retry.").format(
            rctx.name,
            name,
            rctx.attr.sha256,
        ))
    rctx.file("BUILD.bazel", _BUILD.format(
        architecture = rctx.attr.architecture,
        file = file,
        module = Label("//:all").workspace_name,
    ))

kernel_repository = repository_rule(
    doc = "A kernel package: `:package` is an input of `guest_kernel`.",
    implementation = _kernel_repository_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture, as in @platforms//cpu.", mandatory = True),
        "file": attr.label(doc = "The package, if it is a file of a workspace.", allow_single_file = True),
        "sha256": attr.string(doc = "Digest of the package.", mandatory = True),
        "urls": attr.string_list(doc = "Addresses of the package, in the order in which to try them."),
    },
)
