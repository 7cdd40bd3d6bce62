"""Module extension: kernel packages from elsewhere than the Debian archive's lock.

```starlark
# MODULE.bazel
kernels = use_extension("@sandbox_images//tools/extract_kernel:extensions.bzl", "kernels")
kernels.package(
    name = "kernel_alpine_x86_64",
    architecture = "x86_64",
    sha256 = "…",
    urls = ["https://…/linux-virt-6.12.13-r0.apk"],
)
use_repo(kernels, "kernel_alpine_x86_64")
```

Then `guest_kernel(architecture = "x86_64", packages = "@kernel_alpine_x86_64//:package")`.
"""

load("//tools/extract_kernel/private:repository.bzl", "kernel_repository")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

_package = tag_class(
    doc = "One kernel package of Debian or Alpine, which becomes the repository NAME.",
    attrs = {
        "architecture": attr.string(doc = "Architecture of the kernel.", values = ARCHITECTURES.keys(), mandatory = True),
        "file": attr.label(doc = "The package, if it is a file of the workspace; otherwise `urls`."),
        "name": attr.string(doc = "Name of the repository; no two modules may choose the same one.", mandatory = True),
        "sha256": attr.string(doc = "Digest of the package, 64 hexadecimal digits.", mandatory = True),
        "urls": attr.string_list(doc = "Addresses of the package, in the order in which to try them."),
    },
)

def _kernels_impl(mctx):
    known = {}
    for module in mctx.modules:
        for tag in module.tags.package:
            if tag.name in known:
                fail("kernel package '{}' is requested twice (modules {} and {}): rename one of the two tags".format(
                    tag.name,
                    known[tag.name],
                    module.name,
                ))

            # An empty digest would not pin anything.
            if len(tag.sha256) != 64:
                fail("kernel package '{}': its sha256 has {} characters instead of 64".format(tag.name, len(tag.sha256)))
            known[tag.name] = module.name
            kernel_repository(
                name = tag.name,
                architecture = tag.architecture,
                file = tag.file,
                sha256 = tag.sha256,
                urls = tag.urls,
            )

kernels = module_extension(
    doc = "Pinned kernel packages.",
    implementation = _kernels_impl,
    tag_classes = {"package": _package},
)
