"""Repository rule: pinned packages unpacked into one tree, for programs and libraries."""

load("//tools/debian:compiled.bzl", "compile_modules")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES", "host_architecture")
load(":conflicts.bzl", "find_conflict", "listed_files")
load(":download.bzl", "download_packages")

# Only shell builtins: an action's PATH may be empty. --inhibit-cache makes the loader ignore the machine's ld.so.cache,
# so that a library missing from the tree is an error and never the machine's own.
_LAUNCHER = """\
#!/bin/sh
tree="${{0%/*}}/{root}"
exec "$tree/{loader}" --inhibit-cache --argv0 "$0" --library-path "{libraries}" "$tree/{program}" {arguments}"$@"
"""

def _member(deb, members, name):
    found = [file for file in members if file.basename.startswith(name + ".tar")]
    if len(found) != 1:
        fail("{}: is not a Debian package: it has {} members '{}' instead of one".format(deb, len(found), name))
    return found[0]

def _text(rctx, path):
    file = rctx.path(path)
    return rctx.read(file) if file.exists else ""

def _debian_tree_impl(rctx):
    if rctx.attr.error:
        fail(rctx.attr.error)
    architecture = rctx.attr.architecture
    owners = {}
    for deb in download_packages(rctx, json.decode(rctx.attr.packages), "debs"):
        rctx.extract(deb, "member")
        members = rctx.path("member").readdir()
        rctx.extract(_member(deb, members, "control"), "member/control")
        files = listed_files(_text(rctx, "member/control/md5sums"), _text(rctx, "member/control/conffiles"))
        conflict = find_conflict(owners, deb.removeprefix("debs/"), files, rctx.attr.remove)
        if conflict:
            fail("{}: {}".format(rctx.name, conflict))
        rctx.extract(_member(deb, members, "data"), ".")
        rctx.delete("member")
    rctx.delete("debs")
    for directory in rctx.attr.remove:
        rctx.delete(directory)

    for link, target in rctx.attr.links.items():
        rctx.symlink(target, link)

    loader, triple = ARCHITECTURES[architecture]["loader"], ARCHITECTURES[architecture]["triple"]
    substitutions = {"%{architecture}": architecture, "%{triple}": triple}

    # merged-usr came with trixie: bookworm's loader is still below /lib.
    directories = [directory for directory in ["usr/lib/" + triple, "lib/" + triple] if rctx.path(directory).exists]
    loaders = [directory + "/" + loader for directory in directories if rctx.path(directory + "/" + loader).exists]
    libraries = ":".join(["$tree/" + directory.replace("%{triple}", triple) for directory in rctx.attr.libraries + directories])
    for launcher, program in rctx.attr.programs.items():
        words = program.replace("%{triple}", triple).split(" ")
        program = words[0]
        if not rctx.path(program).exists:
            fail("{}: the packages of this tree do not contain {}: correct `programs` in MODULE.bazel".format(rctx.name, program))
        rctx.delete(launcher)
        rctx.file(launcher, _LAUNCHER.format(
            arguments = "".join(["\"%s\" " % word for word in words[1:]]),
            loader = loaders[0],
            libraries = libraries,
            program = program,
            root = "/".join([".."] * launcher.count("/")),
        ), executable = True)
    if rctx.attr.compile and architecture == host_architecture(rctx.os):
        compile_modules(rctx, rctx.path(rctx.attr.compile), "usr/lib")
    rctx.template("BUILD.bazel", rctx.attr.build_file, substitutions)

debian_tree = repository_rule(
    doc = "Packages of one request and one architecture unpacked into one tree. No maintainer script runs. Programs " +
          "start through launchers that use the tree's own loader and libraries, on a machine with any libc or none.",
    implementation = _debian_tree_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture, as in @platforms//cpu.", mandatory = True),
        "build_file": attr.label(doc = "BUILD file; %{architecture} and %{triple} are substituted.", mandatory = True),
        "compile": attr.string(doc = "Launcher of a Python that compiles the tree's modules, or empty."),
        "error": attr.string(doc = "Why the lock cannot be used, or empty."),
        "libraries": attr.string_list(doc = "Directories of libraries, in addition to the multiarch ones; %{triple} is substituted."),
        "links": attr.string_dict(doc = "Symbolic links to add: path to target, both below the tree's root."),
        "packages": attr.string(doc = "JSON list of the lock's packages.", mandatory = True),
        "programs": attr.string_dict(doc = "Launchers to write: path of the launcher to path of the program, and " +
                                           "arguments to put before the caller's; `$tree` is the tree."),
        "remove": attr.string_list(doc = "Directories to delete after unpacking."),
        "update": attr.string(doc = "How to update the lock, for messages.", mandatory = True),
        "snapshots": attr.string_dict(doc = "Time at which the snapshot service has the packages, by archive."),
    },
)
