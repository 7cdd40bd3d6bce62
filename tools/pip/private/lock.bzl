"""Reads requirements.txt, and the lock that names its wheels."""

LOCK_VERSION = 1

def package_of(name):
    """Return the part of a label that names a Python package.

    Args:
        name: name of the package, in any spelling.

    Returns:
        The name with underscores, as in `requirement`.
    """
    return "_".join([part for part in name.lower().replace("-", "_").replace(".", "_").split("_") if part])

def pins_of(text):
    """Read requirements.txt as pip-compile writes it.

    Args:
        text: its content.

    Returns:
        dict from package, as in labels, to struct(version, digests).
    """
    pins = {}
    for line in text.replace("\\\n", " ").split("\n"):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        words = line.split(" ")
        name, _, version = words[0].partition("==")
        pins[package_of(name.partition("[")[0])] = struct(
            digests = [word.removeprefix("--hash=sha256:") for word in words if word.startswith("--hash=sha256:")],
            version = version.rstrip(";"),
        )
    return pins

def read_lock(content, name, request, pins, update):
    """Decode a lock and check that it answers requirements.txt.

    Args:
        content: text of the lock file, or None if there is none.
        name: name of the request, for messages.
        request: dict of the tag's attributes, without packages.
        pins: the result of `pins_of`.
        update: how to update the lock.

    Returns:
        struct(errors = dict from package to a message, wheels = dict from package to a dict from architecture to the
        entry of the lock).
    """
    prefix = "the lock of the Python packages '{}' ".format(name)
    lock = json.decode(content, default = None) if content != None else None
    if type(lock) != "dict" or lock.get("version") != LOCK_VERSION:
        message = prefix + ("is missing; " if content == None else "is not of version {}; ".format(LOCK_VERSION)) + update
        return struct(errors = {package: message for package in pins}, wheels = {})
    wheels = {}
    for architecture in request["architectures"]:
        for wheel in lock["wheels"].get(architecture, []):
            wheels.setdefault(package_of(wheel["name"]), {})[architecture] = wheel
    if lock["request"] != request:
        message = prefix + "answers another request than MODULE.bazel's; " + update
        return struct(errors = {package: message for package in wheels.keys() + pins.keys()}, wheels = wheels)
    errors = {package: prefix + "has no {}; {}".format(package, update) for package in pins if package not in wheels}
    for package, entries in wheels.items():
        for wheel in entries.values():
            pin = pins.get(package)
            if not pin or pin.version != wheel["version"] or wheel["sha256"] not in pin.digests:
                errors[package] = prefix + "has {}, which requirements.txt does not pin; {}".format(wheel["file"], update)
    return struct(errors = errors, wheels = wheels)
