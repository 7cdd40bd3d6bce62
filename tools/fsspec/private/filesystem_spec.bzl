"""Implementation of the rule `filesystem_spec`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

FilesystemSpecInfo = provider(
    doc = "A described filesystem tree.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu, or None if the tree fits every one.",
        "files": "depset of File: the files with content of the tree.",
        "spec": "File: the JSON description, see tools/fsspec/spec.py. Its `source` paths are relative to the execroot.",
    },
)

def _attributes(ctx, path, text):
    """Read `MODE` or `MODE UID:GID`. The tool rejects other parts with a better message."""
    mode, _, owner = text.partition(" ")
    uid, _, gid = (owner or "0:0").partition(":")
    if not (uid.isdigit() and gid.isdigit()):
        fail("{}: the attributes of '{}' are '{}' and must have the form 'MODE' or 'MODE UID:GID'".format(ctx.label, path, text))
    return {"gid": int(gid), "mode": mode, "uid": int(uid)}

def _device(ctx, path, text):
    words = text.split(" ", 2)
    numbers = words[1].split(":") if len(words) == 3 else []
    if len(numbers) != 2 or words[0] not in ["block", "char"] or not (numbers[0].isdigit() and numbers[1].isdigit()):
        fail("{}: the device '{}' is '{}' and must have the form 'char MAJOR:MINOR MODE UID:GID'".format(ctx.label, path, text))
    return _attributes(ctx, path, words[2]) | {"device": [int(numbers[0]), int(numbers[1])], "kind": words[0]}

def _filesystem_spec_impl(ctx):
    entries = {}
    for path, text in ctx.attr.directories.items():
        entries[path] = [{"kind": "directory"} | _attributes(ctx, path, text)]
    for path, target in ctx.attr.symlinks.items():
        entries[path] = entries.get(path, []) + [{"kind": "symlink", "target": target}]
    for path, text in ctx.attr.devices.items():
        entries[path] = entries.get(path, []) + [_device(ctx, path, text)]

    contents = [(path, {"text": text}) for path, text in ctx.attr.texts.items()]
    for target, path in ctx.attr.files.items():
        files = target[DefaultInfo].files.to_list()
        if len(files) != 1:
            fail("{}: {} has {} files instead of one for '{}'".format(ctx.label, target.label, len(files), path))
        contents.append((path, {"source": files[0].path}))
    modes = dict(ctx.attr.modes)
    for path, content in contents:
        entries[path] = entries.get(path, []) + [{"kind": "file"} | content | _attributes(ctx, path, modes.pop(path, "0644"))]

    unused = list(modes) + [path for path in ctx.attr.replaces if path not in entries]
    if unused:
        fail("{}: '{}' is in `modes` or `replaces` and is not an entry: correct the path".format(ctx.label, unused[0]))
    replaces = {path: True for path in ctx.attr.replaces}
    spec = ctx.actions.declare_file(ctx.label.name + ".spec.json")
    ctx.actions.write(spec, json.encode_indent({
        "architecture": ctx.attr.architecture or None,
        "entries": [
            {"path": path, "replace": path in replaces} | entry
            for path in sorted(entries)
            for entry in entries[path]
        ],
        "origin": str(ctx.label).lstrip("@"),
        "version": 1,
    }, indent = "  ") + "\n")

    listing = ctx.actions.declare_file(ctx.label.name + ".listing.txt")
    args = ctx.actions.args()
    args.add("--partial")
    args.add(spec, format = "--spec=%s")
    args.add(listing, format = "--listing=%s")
    ctx.actions.run(
        executable = ctx.executable._fsspec,
        arguments = [args],
        inputs = [spec],
        outputs = [listing],
        mnemonic = "FilesystemSpec",
        progress_message = "Checking filesystem spec %{label}",
    )
    return [
        DefaultInfo(files = depset([spec])),
        OutputGroupInfo(_validation = depset([listing]), listing = depset([listing])),
        FilesystemSpecInfo(
            architecture = ctx.attr.architecture or None,
            files = depset(ctx.files.files),
            spec = spec,
        ),
    ]

filesystem_spec = rule(
    doc = "Describes a part of a filesystem tree. Paths are relative to the tree's root; attributes have the form " +
          "`MODE` or `MODE UID:GID`, such as `0700 1000:1000`. Missing directories are 0755 of root.",
    implementation = _filesystem_spec_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the files; empty if they fit every one.", values = [""] + ARCHITECTURES.keys()),
        "devices": attr.string_dict(doc = "Path to `char MAJOR:MINOR MODE UID:GID`, or `block …`."),
        "directories": attr.string_dict(doc = "Path to attributes."),
        "files": attr.label_keyed_string_dict(doc = "Target with one file to path. Use `guest_binary` for programs of the guest.", allow_files = True),
        "modes": attr.string_dict(doc = "Path of one of `files` or `texts` to attributes; 0644 of root if absent."),
        "replaces": attr.string_list(doc = "Paths of entries that replace those of a package or an earlier spec."),
        "symlinks": attr.string_dict(doc = "Path to target, stored verbatim."),
        "texts": attr.string_dict(doc = "Path to the verbatim text of a file: end it with a newline."),
        "_fsspec": attr.label(default = "//tools/fsspec", executable = True, cfg = "exec"),
    },
    provides = [FilesystemSpecInfo],
)
