"""Module extension: packages of the Debian archive, pinned by lock files.

A tag names packages; `./bazelw run //:lock` writes the lock file that pins their whole closure by sha256;
each architecture of the tag becomes a repository `NAME_ARCHITECTURE`.

```starlark
# MODULE.bazel
debian = use_extension("@sandbox_images//tools/debian:extensions.bzl", "debian")

# For an image: `sandbox_image(packages = ["@numbers_x86_64//:packages"], …)`.
debian.archives(
    name = "numbers",
    lock = "//:numbers.lock.json",
    packages = ["units"],
)

# For the build itself: bin/jq of either repository runs on a machine of its architecture.
debian.tree(
    name = "jq",
    build_file = "//:jq.BUILD",
    lock = "//:jq.lock.json",
    packages = ["jq"],
    programs = {"bin/jq": "usr/bin/jq"},
)

# The same as JSON: {"numbers": {"packages": {"units": "the image's purpose"}}}
debian.requests(file = "//:debian.json")
use_repo(debian, "jq_aarch64", "jq_x86_64", "numbers_aarch64", "numbers_x86_64")
```
"""

load("//tools/debian/private:archives.bzl", "debian_archives")
load("//tools/debian/private:hub.bzl", "debian_hub")
load("//tools/debian/private:lock.bzl", "how_to_update", "read_lock", "request_of")
load("//tools/debian/private:requests.bzl", "debian_requests")
load("//tools/debian/private:tree.bzl", "debian_tree")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES", "host_architecture")

# Attributes of a request, and their values if neither a tag nor a file sets them.
_DEFAULTS = {
    "architectures": ARCHITECTURES.keys(),
    "closure": True,
    "exclude": [],
    "packages": [],
    "suite": "trixie",
}

# Further attributes of a tree. A request of a file is a tree if it has a BUILD file.
_TREE_DEFAULTS = {
    "bootstrap": False,
    "compile": "",
    "host": False,
    "libraries": [],
    "links": {},
    "programs": {},
    "remove": ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/bug"],
}

_request = {
    "architectures": attr.string_list(
        doc = "Architectures to resolve for: aarch64, x86_64.",
        default = _DEFAULTS["architectures"],
    ),
    "closure": attr.bool(
        doc = "Whether to add the packages' dependencies. Recommended packages are never added.",
        default = _DEFAULTS["closure"],
    ),
    "exclude": attr.string_list(doc = "Packages to exclude from the closure, with dependencies of theirs that nothing else needs."),
    "lock": attr.label(doc = "The lock file.", mandatory = True),
    "name": attr.string(doc = "Name; the repositories are NAME_aarch64 and NAME_x86_64.", mandatory = True),
    "packages": attr.string_list(doc = "Names of Debian packages; %{architecture} becomes Debian's name of the architecture.", mandatory = True),
    "suite": attr.string(
        doc = "Debian suite. The lock tool reads its security suite, too. A suite such as trixie-backports provides all packages " +
              "that it contains, and the suite that it extends provides the others.",
        default = _DEFAULTS["suite"],
    ),
}

_archives = tag_class(
    doc = "Packages kept as `.deb` files, see private/archives.bzl.",
    attrs = _request,
)

_tree = tag_class(
    doc = "Packages unpacked into one tree, see private/tree.bzl.",
    attrs = _request | {
        "bootstrap": attr.bool(
            doc = "The lock tool runs from this tree. Builds use its lock even if it answers another request, " +
                  "since the tool could not update it otherwise.",
        ),
        "build_file": attr.label(doc = "BUILD file of the tree.", mandatory = True),
        "compile": attr.string(
            doc = "Launcher, from `programs`, of the tree's own Python: it compiles the tree's modules on a build host of the same " +
                  "architecture, as maintainer scripts do elsewhere.",
        ),
        "host": attr.bool(doc = "Whether to add a repository NAME_host, the tree for the build host."),
        "libraries": attr.string_list(doc = "Directories of libraries, in addition to the multiarch ones."),
        "links": attr.string_dict(doc = "Symbolic links to add: path to target, both below the tree's root."),
        "programs": attr.string_dict(doc = "Launchers to write: path of the launcher to path of the program, and " +
                                           "arguments to put before the caller's; `$tree` is the tree."),
        "remove": attr.string_list(
            doc = "Directories to delete after unpacking.",
            default = _TREE_DEFAULTS["remove"],
        ),
    },
)

_requests = tag_class(
    doc = "Requests of a JSON file, which is beside the users of the packages: dict from a request's name to the attributes of " +
          "`tree`, or of `archives` if it has no `build_file`. Instead of a list, `packages` and `exclude` may be a dict from " +
          "package to reason. `extends` names a request of the file whose `packages` and `exclude` are added; `comment` is " +
          "for readers.",
    attrs = {
        "file": attr.label(doc = "The file.", mandatory = True),
        "locks": attr.label(doc = "Any file of the package that has the lock files, NAME.lock.json. Default: the package of `file`."),
    },
)

def _label(file, text):
    """Return the label that a file names: `//PACKAGE:NAME` or `:NAME`, in the file's own module."""
    return Label("@@{}{}".format(file.workspace_name, "//" + file.package + text if text.startswith(":") else text))

def _read_requests(mctx, tag):
    """Read the requests of a file.

    Args:
        mctx: module context.
        tag: tag of the class `requests`.

    Returns:
        list of (request with the attributes of a tag, whether it is of a tree).
    """
    document = json.decode(mctx.read(tag.file))
    found = []
    for name, values in document.items():
        unpacked = "build_file" in values
        defaults = _DEFAULTS | (_TREE_DEFAULTS if unpacked else {})
        base = document[values["extends"]] if "extends" in values else {}
        unknown = [key for key in values if key not in defaults and key not in ["build_file", "comment", "extends"]]
        if unknown:
            fail("{}: request '{}' has an unknown attribute '{}', known: {}".format(tag.file, name, unknown[0], ", ".join(defaults)))
        request = defaults | {key: value for key, value in values.items() if key not in ["build_file", "comment", "extends"]}
        for key in ["packages", "exclude"]:
            # The values of a dict are reasons, for readers.
            request[key] = list(base.get(key, [])) + list(request[key])
        if unpacked:
            request["build_file"] = _label(tag.file, values["build_file"])
        lock = _label(tag.locks or tag.file, ":" + name + ".lock.json")
        found.append((struct(lock = lock, name = name, **request), unpacked))
    return found

def _debian_impl(mctx):
    owners = {}
    repositories = []
    requests = {}
    for module in mctx.modules:
        tags = [(tag, False) for tag in module.tags.archives] + [(tag, True) for tag in module.tags.tree]
        for file in module.tags.requests:
            tags += _read_requests(mctx, file)
        for tag, unpacked in tags:
            if tag.name in owners:
                fail("Debian packages '{}' are requested twice (modules {} and {}): rename one of the two tags".format(
                    tag.name,
                    owners[tag.name],
                    module.name,
                ))
            owners[tag.name] = module.name
            for architecture in tag.architectures:
                if architecture not in ARCHITECTURES:
                    fail("Debian packages '{}': unknown architecture '{}', known: {}".format(tag.name, architecture, ", ".join(ARCHITECTURES)))
            request = request_of(tag)

            # The lock tool writes into the workspace in which it runs; that has no locks of other modules.
            if module.is_root:
                directory = tag.lock.package + "/" if tag.lock.package else ""
                requests[tag.name] = request | {"lock": directory + tag.lock.name}
            repositories += _declare(mctx, tag, request, unpacked, how_to_update(tag.name, module.name, module.is_root))
    debian_requests(name = "debian_requests", requests = json.encode_indent(requests, indent = "  "))
    debian_hub(name = "sandbox_images_debian", repositories = repositories)

def _declare(mctx, tag, request, unpacked, update):
    file = mctx.path(tag.lock)
    lock = read_lock(
        mctx.read(file) if file.exists else None,
        tag.name,
        request,
        update,
        strict = not (unpacked and tag.bootstrap),
    )
    repositories = {tag.name + "_" + architecture: architecture for architecture in tag.architectures}
    if unpacked and tag.host:
        repositories[tag.name + "_host"] = host_architecture(mctx.os)
    for name, architecture in repositories.items():
        common = {
            "architecture": architecture,
            "error": lock.error or "",
            "name": name,
            "packages": json.encode(lock.packages.get(architecture, [])),
            "update": update,
            "snapshots": lock.snapshots,
        }
        if unpacked:
            debian_tree(
                build_file = tag.build_file,
                compile = tag.compile,
                libraries = tag.libraries,
                links = tag.links,
                programs = tag.programs,
                remove = tag.remove,
                **common
            )
        else:
            debian_archives(**common)
    return repositories.keys()

debian = module_extension(
    doc = "Pinned packages of the Debian archive.",
    implementation = _debian_impl,
    tag_classes = {"archives": _archives, "requests": _requests, "tree": _tree},
)
