"""Module extension: packages of the npm registry, pinned by digest.

Each tag becomes a repository of its name. The digest of a version: `npm view PACKAGE@VERSION dist.integrity`.

```starlark
# MODULE.bazel
npm = use_extension("@sandbox_images//tools/npm:extensions.bzl", "npm")
npm.archive(
    name = "npm_npm",
    integrity = "sha512-…",
    package = "npm",
    version = "11.21.2",
)
use_repo(npm, "npm_npm")
```
"""

load("//tools/npm/private:archive.bzl", "npm_archive")

_archive = tag_class(
    doc = "One package. Its dependencies are bundled with it or have tags, too. See private/archive.bzl.",
    attrs = {
        "architecture": attr.string(doc = "Architecture of a package with machine code for only one: aarch64 or x86_64. Empty for other packages."),
        "integrity": attr.string(doc = "Digest of the archive, as npm writes it: sha512-….", mandatory = True),
        "name": attr.string(doc = "Name of the repository.", mandatory = True),
        "package": attr.string(doc = "Name of the package.", mandatory = True),
        "program": attr.string(doc = "Path in the package of a program that tests run on the build host, as `@NAME//:program`. Empty for none."),
        "version": attr.string(doc = "Its version.", mandatory = True),
    },
)

def _npm_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.archive:
            if not tag.integrity.startswith("sha512-"):
                fail("npm package '{}': integrity '{}' is not a sha512 digest: take it from npm view {}@{} dist.integrity".format(
                    tag.name,
                    tag.integrity,
                    tag.package,
                    tag.version,
                ))
            npm_archive(
                name = tag.name,
                architecture = tag.architecture,
                integrity = tag.integrity,
                package = tag.package,
                program = tag.program,
                version = tag.version,
            )

npm = module_extension(
    doc = "Pinned packages of the npm registry, for guests.",
    implementation = _npm_impl,
    tag_classes = {"archive": _archive},
)
