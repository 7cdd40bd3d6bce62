"""Module extension: Python packages, pinned by requirements.txt and a lock beside it.

A tag names a requirements.txt. `./bazelw run //:lock` writes the lock, which names the wheel of each pin for each
architecture. The tag becomes a repository of its name, from whose `requirements.bzl` BUILD files load `requirement`.
Each wheel is a separate repository, which Bazel downloads when a target first needs it.

```starlark
# MODULE.bazel
pip = use_extension("@sandbox_images//tools/pip:extensions.bzl", "pip")
pip.packages(
    name = "demo_pip",
    lock = "//:requirements.lock.json",
    python = "3.13",
    requirements = "//:requirements.txt",
)
use_repo(pip, "demo_pip")

# BUILD.bazel
load("@demo_pip//:requirements.bzl", "requirement")

py_binary(
    name = "demo",
    srcs = ["demo.py"],
    deps = [requirement("absl-py")],
)
```
"""

load("//tools/pip/private:hub.bzl", "python_hub")
load("//tools/pip/private:lock.bzl", "pins_of", "read_lock")
load("//tools/pip/private:requests.bzl", "python_requests")
load("//tools/pip/private:wheel.bzl", "python_wheel")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

_ARCHITECTURES = ARCHITECTURES.keys()

_packages = tag_class(
    doc = "The packages of one requirements.txt.",
    attrs = {
        "architectures": attr.string_list(doc = "Architectures of the machines that run the packages.", default = _ARCHITECTURES),
        "bootstrap": attr.bool(
            doc = "The lock tool runs with these packages. Builds use the lock even if requirements.txt pins something else, " +
                  "since the tool could not update it otherwise.",
        ),
        "glibc": attr.string(doc = "Newest version of the GNU C library that a wheel may need.", default = "2.36"),
        "lock": attr.label(doc = "The lock file.", mandatory = True),
        "name": attr.string(doc = "Name of the repository. Modules share one namespace: begin it with the module's name.", mandatory = True),
        "python": attr.string(doc = "Version of CPython that runs the packages: 3.13.", mandatory = True),
        "requirements": attr.label(doc = "requirements.txt, as pip-compile writes it with --generate-hashes.", mandatory = True),
    },
)

def _path_of(label):
    return label.package + "/" + label.name if label.package else label.name

def _pip_impl(mctx):
    owners = {}
    requests = {}
    for module in mctx.modules:
        for tag in module.tags.packages:
            if tag.name in owners:
                fail("Python packages '{}' are requested twice (modules {} and {}): rename one of the two tags".format(
                    tag.name,
                    owners[tag.name],
                    module.name,
                ))
            owners[tag.name] = module.name
            unknown = [architecture for architecture in tag.architectures if architecture not in _ARCHITECTURES]
            if unknown:
                fail("Python packages '{}': unknown architecture '{}', known: {}".format(tag.name, unknown[0], ", ".join(_ARCHITECTURES)))
            request = {"architectures": sorted(tag.architectures), "glibc": tag.glibc, "python": tag.python}
            if module.is_root:
                requests[tag.name] = request | {"lock": _path_of(tag.lock), "requirements": _path_of(tag.requirements)}
            _declare(mctx, tag, request, _update(tag.name, module))
    python_requests(name = "pip_requests", requests = json.encode(requests))

def _update(name, module):
    if not module.is_root:
        return "it is that of the module {}: take a newer version of this module".format(module.name)
    command = "./bazelw run //:lock" if module.name == "sandbox_images" else "bazel run @sandbox_images//:lock"
    return "update it with: {} -- --only={}".format(command, name)

def _declare(mctx, tag, request, update):
    file = mctx.path(tag.lock)
    lock = read_lock(
        mctx.read(file) if file.exists else None,
        tag.name,
        request,
        pins_of(mctx.read(tag.requirements)),
        update,
    )
    packages = {}
    for package, entries in lock.wheels.items():
        shared = len({wheel["sha256"]: None for wheel in entries.values()}) == 1 and len(entries) == len(tag.architectures)
        packages[package] = {}
        for architecture, wheel in entries.items():
            repository = "{}_{}".format(tag.name, package) + ("" if shared else "_" + architecture)
            packages[package][architecture] = repository
            if shared and len(packages[package]) > 1:
                continue
            python_wheel(
                name = repository,
                error = "" if tag.bootstrap else lock.errors.get(package, ""),
                file = wheel["file"],
                hub = tag.name,
                project = wheel["name"],
                requires = wheel["requires"],
                sha256 = wheel["sha256"],
            )
    for package, error in lock.errors.items():
        if package not in packages:
            repository = "{}_{}".format(tag.name, package)
            packages[package] = {architecture: repository for architecture in tag.architectures}
            python_wheel(name = repository, error = error, hub = tag.name, project = package)
    python_hub(name = tag.name, packages = json.encode(packages), title = tag.name)

pip = module_extension(
    doc = "Pinned Python packages. Neither pip nor an interpreter runs.",
    implementation = _pip_impl,
    tag_classes = {"packages": _packages},
)
