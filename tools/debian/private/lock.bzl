"""Reading lock files: the pinned packages of one request, per architecture."""

LOCK_VERSION = 1

DEBIAN_ARCHITECTURES = {
    "aarch64": "arm64",
    "x86_64": "amd64",
}

def request_of(tag):
    """What a `debian.packages` tag asks for, in the form that a lock file repeats.

    Args:
        tag: the tag (struct with the tag class's attributes).

    Returns:
        A dict of JSON values. A lock answers a request only if its `request` equals this.
    """
    return {
        "architectures": sorted(tag.architectures),
        "closure": tag.closure,
        "packages": sorted(tag.packages),
        "suite": tag.suite,
        "without": sorted(tag.without),
    }

def how_to_renew(name, module, is_root):
    """Says how a lock is renewed, which depends on who asks for its packages.

    Args:
        name: the request's name.
        module: name of the module that has the request and the lock.
        is_root: whether that module is the one in whose workspace Bazel runs: the lock tool writes no others.

    Returns:
        Part of a message, without a full stop.
    """
    if not is_root:
        return "the lock is that of the module {}: take a newer version of this module".format(module)
    command = "./bazelw run //:lock" if module == "sandbox_images" else "bazel run @sandbox_images//:lock"
    return "renew the lock with: {} -- --only={}".format(command, name)

def read_lock(content, name, request, renew, strict = True):
    """Decodes a lock file and checks that it answers the request.

    Args:
        content: text of the lock file, or None where there is none.
        name: the request's name, for messages.
        request: the request, see `request_of`.
        renew: how the lock is renewed, see `how_to_renew`.
        strict: whether a lock made for another request is an error.

    Returns:
        struct(error = None or a message, packages = dict from architecture to a list of package dicts with
        the keys name, version, architecture, archive, path, size (bytes) and sha256).
    """
    if content == None:
        return struct(error = "the Debian packages '{}' have no lock file; {}".format(name, renew), packages = {})
    lock = json.decode(content, default = None)
    if type(lock) != "dict" or lock.get("version") != LOCK_VERSION:
        return struct(error = "the lock file of the Debian packages '{}' is not of version {}; {}".format(name, LOCK_VERSION, renew), packages = {})
    if strict and lock["request"] != request:
        return struct(error = "the lock file of the Debian packages '{}' answers another request than MODULE.bazel's; {}".format(name, renew), packages = {})
    return struct(error = None, packages = lock["packages"])
