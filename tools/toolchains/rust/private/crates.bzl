"""Crates of a Cargo.lock: repository rules read their pins, take them from a vendor directory, and show them to `//:vendor`."""

load("//tools/vendor:vendored.bzl", "take_vendored")

def locked_crates(lock):
    """Read the pins of a Cargo.lock.

    Args:
        lock: text of the file.

    Returns:
        A list with a dict for each crate with a checksum: its entry's strings, in TOML's quotes.
    """
    pins = []
    for entry in lock.split("[[package]]\n")[1:]:
        fields = {}
        for line in entry.split("\n"):
            key, separator, value = line.partition(" = ")
            if separator and value.startswith("\""):
                fields[key] = value
        if "checksum" in fields:
            pins.append(fields)
    return pins

def _unquoted(pin):
    return struct(**{key: pin[key].strip("\"") for key in ["checksum", "name", "version"]})

def unpack_vendored_crates(rctx, pins, directory):
    """Unpack crates of the vendor directory like `cargo vendor`.

    Args:
        rctx: repository context.
        pins: result of `locked_crates`.
        directory: directory to create, a source for cargo's configuration.
    """
    crates = [_unquoted(pin) for pin in pins]
    versions = {}
    for crate in crates:
        versions.setdefault(crate.name, []).append(crate.version)
    for crate in crates:
        title = "{}-{}".format(crate.name, crate.version)
        output = "{}/{}".format(directory, crate.name if len(versions[crate.name]) == 1 else title)
        take_vendored(rctx, "crate.tar.gz", "crate {} {}".format(crate.name, crate.version), sha256 = crate.checksum)
        rctx.extract("crate.tar.gz", output = output, stripPrefix = title)
        rctx.file(output + "/.cargo-checksum.json", json.encode({"files": {}, "package": crate.checksum}), executable = False)
        rctx.delete("crate.tar.gz")

def show_crates(rctx, pins, home):
    """Pass crates that cargo has downloaded through Bazel's downloads, whose log `//:vendor` reads.

    Args:
        rctx: repository context.
        pins: result of `locked_crates`.
        home: cargo's directory.
    """
    cache = rctx.path(home + "/registry/cache")
    registries = cache.readdir(watch = "no") if cache.exists else []
    for crate in [_unquoted(pin) for pin in pins]:
        name = "{}-{}.crate".format(crate.name, crate.version)
        found = [registry.get_child(name) for registry in registries if registry.get_child(name).exists]
        if not found:
            fail(("{}: cargo keeps no {} below {}: a configuration with crates of a directory cannot be vendored; use " +
                  "one with a registry").format(rctx.name, name, cache))
        rctx.download("file://{}".format(found[0]), "shown.crate", sha256 = crate.checksum)
        rctx.delete("shown.crate")
