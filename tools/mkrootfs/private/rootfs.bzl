"""Implementation of the rule `rootfs`."""

load("//tools/debian:providers.bzl", "DebianPackagesInfo", "ProgramInfo")
load("//tools/elfcheck:defs.bzl", "GuestBinaryInfo")
load("//tools/fsspec:defs.bzl", "FilesystemSpecInfo")
load("//tools/npm:defs.bzl", "GuestNpmPackagesInfo")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")
load("//tools/wheels:defs.bzl", "GuestWheelsInfo")
load(":exclude.bzl", "EXCLUDE")

RootfsInfo = provider(
    doc = "A packed root filesystem. The packer has checked the architecture of every ELF file.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu.",
        "ingredients": "struct: its inputs, for a root filesystem that has it as a layer.",
        "packed": "struct(tar, spec): the same without its guest binaries; None if it has none.",
        "packages": "File: JSON list of the packages of all kinds in it, with version and sha256, and of the guest binaries' paths.",
        "spec": "File: JSON description of every entry, see tools/fsspec/spec.py.",
        "tar": "File: uncompressed tar archive with the contents.",
    },
)

def _ingredients(ctx):
    """Return the inputs of the tree: those of its layers in their order, and then its own."""
    layers = [target[RootfsInfo].ingredients for target in ctx.attr.layers]
    binaries = {}
    concatenate = {}
    for layer in layers:
        binaries |= layer.binaries
        concatenate |= layer.concatenate

    # Two layers may share inputs, such as the layer below both: add them once.
    def gathered(name, own):
        return depset(own, transitive = [getattr(layer, name) for layer in layers], order = "postorder")

    return struct(
        allow_dangling_links = gathered("allow_dangling_links", ctx.attr.allow_dangling_links),
        allow_foreign_code = gathered("allow_foreign_code", ctx.attr.allow_foreign_code),
        allow_missing_libraries = gathered("allow_missing_libraries", ctx.attr.allow_missing_libraries),
        allow_setuid = gathered("allow_setuid", ctx.attr.allow_setuid),
        binaries = binaries | {path: target[GuestBinaryInfo].file for target, path in ctx.attr.binaries.items()},
        concatenate = concatenate | ctx.attr.concatenate,
        exclude = gathered("exclude", (EXCLUDE | ctx.attr.exclude).keys()),
        icu_exclude = gathered("icu_exclude", ctx.attr.icu_exclude.keys()),
        npm_packages = depset(transitive = [layer.npm_packages for layer in layers] +
                                           [target[GuestNpmPackagesInfo].archives for target in ctx.attr.npm_packages]),
        packages = depset(transitive = [layer.packages for layer in layers] +
                                       [target[DebianPackagesInfo].packages for target in ctx.attr.packages]),
        python = depset(
            [ctx.attr.python[ProgramInfo]] if ctx.attr.python else [],
            transitive = [layer.python for layer in layers],
        ),
        specs = gathered("specs", [target[FilesystemSpecInfo] for target in ctx.attr.specs]),
        strip = gathered("strip", ctx.attr.strip.keys()),
        wheels = gathered("wheels", [target[GuestWheelsInfo] for target in ctx.attr.wheels]),
    )

def _add_binaries(ctx, packed, binaries, tar, spec):
    args = ctx.actions.args()
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    args.add(packed.tar, format = "--rootfs_tar=%s")
    args.add(packed.spec, format = "--rootfs_spec=%s")
    for path, file in binaries.items():
        args.add(file, format = "--binary={}=%s".format(path))
    args.add(tar, format = "--tar=%s")
    args.add(spec, format = "--spec_output=%s")
    ctx.actions.run(
        executable = ctx.executable._guest_binaries,
        arguments = [args],
        inputs = [packed.tar, packed.spec] + binaries.values(),
        outputs = [tar, spec],
        mnemonic = "AddGuestBinaries",
        progress_message = "Adding guest binaries to root filesystem %{label}",
    )

def _rootfs_impl(ctx):
    check_architecture(
        ctx,
        [(target, target[RootfsInfo].architecture) for target in ctx.attr.layers] +
        [(target, target[DebianPackagesInfo].architecture) for target in ctx.attr.packages] +
        [(target, target[GuestNpmPackagesInfo].architecture) for target in ctx.attr.npm_packages] +
        [(target, target[GuestWheelsInfo].architecture) for target in ctx.attr.wheels] +
        [(target, target[FilesystemSpecInfo].architecture) for target in ctx.attr.specs] +
        [(target, target[GuestBinaryInfo].architecture) for target in ctx.attr.binaries],
    )
    for attribute in ["exclude", "icu_exclude", "strip"]:
        for glob, reason in getattr(ctx.attr, attribute).items():
            if not reason.strip():
                fail("{}: `{}` has no reason for {}: add it".format(ctx.label, attribute, glob))
    ingredients = _ingredients(ctx)
    wheels = ingredients.wheels.to_list()
    specs = ingredients.specs.to_list()
    pythons = ingredients.python.to_list()
    if len(pythons) > 1:
        fail("{}: its layers compile Python modules by different interpreters".format(ctx.label))

    tar = ctx.actions.declare_file(ctx.label.name + ".tar")
    spec = ctx.actions.declare_file(ctx.label.name + ".spec.json")

    # Guest binaries change with every line of an agent. All else is packed without them, and not packed again.
    packed = struct(
        spec = ctx.actions.declare_file(ctx.label.name + ".packed.spec.json"),
        tar = ctx.actions.declare_file(ctx.label.name + ".packed.tar"),
    ) if ingredients.binaries else None
    packed_outputs = packed or struct(spec = spec, tar = tar)
    report = ctx.actions.declare_file(ctx.label.name + ".packages.json")
    args = ctx.actions.args()
    args.use_param_file("--flagfile=%s")
    args.set_param_file_format("multiline")
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    args.add_all(ingredients.packages, format_each = "--package=%s")
    for info in wheels:
        args.add_all(info.wheels, format_each = "--wheel={}=%s".format(info.library))
    args.add_all(ingredients.npm_packages, format_each = "--npm_package=%s")
    args.add_all([info.spec for info in specs], format_each = "--spec=%s")
    args.add_all(ingredients.binaries.keys(), format_each = "--reserve=%s")
    args.add_all(ingredients.exclude, format_each = "--exclude=%s")
    args.add_all(ingredients.icu_exclude, format_each = "--icu_exclude=%s")
    args.add_all(ingredients.allow_dangling_links, format_each = "--allow_dangling_link=%s")
    args.add_all(ingredients.allow_foreign_code, format_each = "--allow_foreign_code=%s")
    args.add_all(ingredients.strip, format_each = "--strip=%s")
    args.add_all(ingredients.allow_setuid, format_each = "--allow_setuid=%s")
    args.add_all(ingredients.allow_missing_libraries, format_each = "--allow_missing_libraries=%s")
    args.add_all([info.program for info in pythons], format_each = "--python=%s")
    for path, glob in ingredients.concatenate.items():
        args.add("--concatenate={}={}".format(path, glob))
    args.add(packed_outputs.tar, format = "--tar=%s")
    args.add(packed_outputs.spec, format = "--spec_output=%s")
    args.add(report, format = "--packages_report=%s")
    ctx.actions.run(
        executable = ctx.executable._mkrootfs,
        arguments = [args],
        inputs = depset(
            [info.spec for info in specs],
            transitive = [ingredients.npm_packages, ingredients.packages] +
                         [info.files for info in specs] +
                         [info.wheels for info in wheels],
        ),
        tools = depset(transitive = [info.files for info in pythons]),
        outputs = [packed_outputs.tar, packed_outputs.spec, report],
        mnemonic = "MkRootfs",
        progress_message = "Assembling root filesystem %{label}",
    )
    if packed:
        _add_binaries(ctx, packed, ingredients.binaries, tar, spec)
    return [
        DefaultInfo(files = depset([tar, spec])),
        OutputGroupInfo(
            packages_report = depset([report]),
            tar = depset([tar]),
        ),
        RootfsInfo(
            architecture = ctx.attr.architecture,
            ingredients = ingredients,
            packages = report,
            packed = packed,
            spec = spec,
            tar = tar,
        ),
    ]

rootfs = rule(
    doc = "Assembles a root filesystem from Debian packages, Python wheels, npm packages, described entries and guest binaries. No maintainer script " +
          "runs. An input of another architecture is an analysis error.",
    implementation = _rootfs_impl,
    attrs = {
        "allow_dangling_links": attr.string_list(doc = "Globs of symlinks that may lead to nothing. Links into /dev, /proc, /run, /sys and /tmp " +
                                                       "always may: a running guest creates those files."),
        "allow_foreign_code": attr.string_list(doc = "Globs of files that may be machine code of another architecture or system. Firmware, debug files " +
                                                     "and objects of BPF always may."),
        "allow_missing_libraries": attr.string_list(doc = "Globs of files whose libraries may be missing from the tree; for a package.json, " +
                                                          "its npm dependencies."),
        "allow_setuid": attr.string_list(doc = "Paths of files that keep their setuid bits. All others lose them."),
        "architecture": attr.string(doc = "Architecture of the guests.", values = ARCHITECTURES.keys(), mandatory = True),
        "binaries": attr.label_keyed_string_dict(doc = "Programs to path in the image; 0755 of root.", providers = [GuestBinaryInfo]),
        "concatenate": attr.string_dict(doc = "Path to a glob of files in the image, which the packer joins into a file of that path."),
        "exclude": attr.string_dict(doc = "Globs of packages' files to exclude, to the reason, after those of all images " +
                                          "(private/exclude.bzl). `PACKAGE:GLOB` is for the files of one package: if two contain one " +
                                          "path, it excludes that package's file. `!GLOB` keeps files that an earlier glob excludes."),
        "layers": attr.label_list(
            doc = "Other root filesystems: all their inputs are inputs of this one, too, before its own.",
            providers = [RootfsInfo],
        ),
        "icu_exclude": attr.string_dict(doc = "Globs of items to exclude from the data of ICU, to the reason; see icu.py."),
        "npm_packages": attr.label_list(doc = "npm packages, see `guest_npm_packages`.", providers = [GuestNpmPackagesInfo]),
        "packages": attr.label_list(doc = "Debian packages, unpacked like by dpkg. Two that contain one path are an error, unless one replaces the other (`Replaces`).", providers = [DebianPackagesInfo]),
        "python": attr.label(
            doc = "CPython of the image's version, for the build host: it compiles the Python modules of all packages, " +
                  "as every program in a guest would do otherwise. An image with this one as a layer inherits it.",
            providers = [ProgramInfo],
            cfg = "exec",
        ),
        "specs": attr.label_list(
            doc = "Further entries, see `filesystem_spec`; they may replace those of packages and of earlier specs.",
            providers = [FilesystemSpecInfo],
        ),
        "strip": attr.string_dict(
            doc = "Globs of ELF files to strip of symbols and debugging information, to the reason. " +
                  "Symbols for dynamic linking stay.",
        ),
        "wheels": attr.label_list(doc = "Python packages, see `guest_wheels`.", providers = [GuestWheelsInfo]),
        "_guest_binaries": attr.label(default = "//tools/mkrootfs:guest_binaries", executable = True, cfg = "exec"),
        "_mkrootfs": attr.label(default = "//tools/mkrootfs", executable = True, cfg = "exec"),
    },
    provides = [RootfsInfo],
)
