"""Repository rule: one wheel, unpacked."""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "get_auth")
load("@debian//:defs.bzl", "debian_label")
load("//tools/debian:compiled.bzl", "compile_modules")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES", "host_architecture")
load("//tools/vendor:vendored.bzl", "take_vendored")
load(":index.bzl", "address_in", "indexes", "without_password")
load(":lock.bzl", "package_of")

# Directories of a wheel whose files are installed elsewhere.
_LIBRARIES = ["platlib", "purelib"]

_BUILD = """\
load("@rules_python//python:defs.bzl", "py_library")

package(default_visibility = ["//visibility:public"])

filegroup(
    name = "whl",
    srcs = ["{file}"],
)

filegroup(
    name = "dist_info",
    srcs = glob(["site-packages/*.dist-info/**"]),
)

py_library(
    name = "pkg",
    srcs = glob(
        ["site-packages/**/*.py"],
        allow_empty = True,
    ),
    data = glob(
        ["site-packages/**/*"],
        exclude = [
            "**/* *",
            "**/*.dist-info/RECORD",
            "**/*.py",
            "**/*.pyc",
        ],
    ) + glob(
        # The repository rule has compiled every module, so no interpreter writes these.
        ["site-packages/**/__pycache__/*.cpython-313.pyc"],
        allow_empty = True,
    ),
    imports = ["site-packages"],
    deps = {deps},
)
"""

def _ask(rctx, address, user, file, **kwargs):
    auth = get_auth(rctx, [address])
    if user:
        auth = {address: user}
    return rctx.download(address, file, allow_fail = True, auth = auth, **kwargs).success

def _download(rctx, project, file):
    """Take a wheel from the vendor directory, or download it from the first index that has it."""
    if take_vendored(rctx, file, "wheel " + file, sha256 = rctx.attr.sha256):
        return
    said = []
    pages = []
    for index in indexes(rctx):
        index, user = without_password(index)
        page = "{}/{}/".format(index, project)
        if page.startswith("file:"):
            page += "index.html"
        elif not page.startswith("https:"):
            # Bazel reads nothing over plain http without a digest.
            said.append("{} is not an address of https or file".format(index))
            continue
        pages.append(page)
        if not _ask(rctx, page, user, "index.html"):
            said.append("{} cannot be read".format(page))
            continue
        address = address_in(rctx.read("index.html", watch = "no"), page, file)
        rctx.delete("index.html")
        if not address:
            said.append("{} does not list it".format(page))
            continue
        address, own = without_password(address)

        # Only the index's own host gets the index's password.
        if not own and address.split("/")[2] == page.split("/")[2]:
            own = user
        if _ask(rctx, address, own, file, sha256 = rctx.attr.sha256):
            return
        said.append("{} did not give the pinned bytes".format(address.rpartition("/")[0]))

    # Bazel's download cache finds it by its digest, whatever the address.
    for page in pages[:1]:
        if _ask(rctx, page + file, None, file, sha256 = rctx.attr.sha256):
            return
    fail(("Python package {}: cannot download {}, which the lock pins: {}. 'Checksum was' in a warning above: the index sent other " +
          "bytes; find out why before you change the lock. Otherwise retry, or set PIP_INDEX_URL to another index.").format(
        rctx.attr.project,
        file,
        "; ".join(said),
    ))

def _libraries(rctx):
    """Move modules from elsewhere in a wheel to the directory where Python finds them."""
    for data in rctx.path("site-packages").readdir():
        if not data.basename.endswith(".data"):
            continue
        for library in _LIBRARIES:
            directory = data.get_child(library)
            for entry in (directory.readdir() if directory.exists else []):
                link = "site-packages/" + entry.basename
                if rctx.path(link).exists:
                    fail("Python package {}: {} is in its wheel twice".format(rctx.attr.project, entry.basename))
                rctx.symlink(entry, link)

def _python_wheel_impl(rctx):
    if rctx.attr.error:
        fail(rctx.attr.error)
    file = rctx.attr.file
    _download(rctx, rctx.attr.project, file)

    # Bazel infers an archive's format from its name.
    rctx.symlink(file, "wheel.zip")
    rctx.extract("wheel.zip", "site-packages")
    rctx.delete("wheel.zip")
    _libraries(rctx)
    architecture = host_architecture(rctx.os)
    if architecture in ARCHITECTURES:
        python = Label(debian_label("python_" + architecture, "usr/bin/python3"))
        compile_modules(rctx, rctx.path(python), "site-packages")
    rctx.file("BUILD.bazel", _BUILD.format(
        deps = json.encode_indent(
            ["@{}//{}:pkg".format(rctx.attr.hub, package_of(name)) for name in rctx.attr.requires],
            prefix = "    ",
            indent = "    ",
        ),
        file = file,
    ))

python_wheel = repository_rule(
    doc = "A wheel: `:pkg` is its modules with their dependencies, `:whl` the file, `:dist_info` its metadata.",
    implementation = _python_wheel_impl,
    attrs = {
        "error": attr.string(doc = "Why the lock cannot be used, or empty."),
        "file": attr.string(doc = "Name of the file."),
        "hub": attr.string(doc = "Repository with its dependencies.", mandatory = True),
        "project": attr.string(doc = "Name of the package, normalized.", mandatory = True),
        "requires": attr.string_list(doc = "Its dependencies."),
        "sha256": attr.string(doc = "Digest of the file."),
    },
)
