"""Crates that a Cargo.lock pins: read by repository rules, taken from a vendor directory, and shown to `//:vendor`."""

load("//tools/vendor:vendored.bzl", "take_vendored")

def locked_crates(lock):
    """Reads the pins of a Cargo.lock.

    Args:
        lock: text of the file.

    Returns:
        A list of each crate that has a checksum, as a dict of its entry's strings, in TOML's quotes.
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

def unpack_vendored_crates(rctx, pins, folder):
    """Unpacks crates of the vendor directory, as `cargo vendor` does.

    Args:
        rctx: repository context.
        pins: what `locked_crates` has read.
        folder: folder to make, which becomes a source that cargo can be configured for.
    """
    crates = [_unquoted(pin) for pin in pins]
    versions = {}
    for crate in crates:
        versions.setdefault(crate.name, []).append(crate.version)
    for crate in crates:
        title = "{}-{}".format(crate.name, crate.version)
        output = "{}/{}".format(folder, crate.name if len(versions[crate.name]) == 1 else title)
        take_vendored(rctx, "crate.tar.gz", "crate {} {}".format(crate.name, crate.version), sha256 = crate.checksum)
        rctx.extract("crate.tar.gz", output = output, stripPrefix = title)
        rctx.file(output + "/.cargo-checksum.json", json.encode({"files": {}, "package": crate.checksum}), executable = False)
        rctx.delete("crate.tar.gz")

def show_crates(rctx, pins, home):
    """Puts the archives of crates, which cargo has downloaded, where `//:vendor` finds every other download.

    Args:
        rctx: repository context.
        pins: what `locked_crates` has read.
        home: cargo's folder.
    """
    cache = rctx.path(home + "/registry/cache")
    registries = cache.readdir(watch = "no") if cache.exists else []
    for crate in [_unquoted(pin) for pin in pins]:
        name = "{}-{}.crate".format(crate.name, crate.version)
        found = [registry.get_child(name) for registry in registries if registry.get_child(name).exists]
        if not found:
            fail(("{}: cargo keeps no {} below {}: a configuration that takes crates from a directory cannot be vendored; vendor " +
                  "with one that takes them from a registry").format(rctx.name, name, cache))
        rctx.download("file://{}".format(found[0]), "shown.crate", sha256 = crate.checksum)
        rctx.delete("shown.crate")
