"""Reading lock files: the pinned packages of one request, per architecture."""

LOCK_VERSION = 1

RENEW_COMMAND = "./bazelw run //tools/debian:lock"

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

def read_lock(content, name, request, strict = True):
    """Decodes a lock file and checks that it answers the request.

    Args:
        content: text of the lock file, or None where there is none.
        name: the request's name, for messages.
        request: the request, see `request_of`.
        strict: whether a lock made for another request is an error.

    Returns:
        struct(error = None or a message, packages = dict from architecture to a list of package dicts with
        the keys name, version, architecture, archive, path, size (bytes) and sha256).
    """
    renew = "Write it with: {} -- --only={}".format(RENEW_COMMAND, name)
    if content == None:
        return struct(error = "the Debian packages '{}' have no lock file. {}".format(name, renew), packages = {})
    lock = json.decode(content, default = None)
    if type(lock) != "dict" or lock.get("version") != LOCK_VERSION:
        return struct(error = "the lock file of the Debian packages '{}' is not of version {}. {}".format(name, LOCK_VERSION, renew), packages = {})
    if strict and lock["request"] != request:
        return struct(error = "the lock file of the Debian packages '{}' answers another request than MODULE.bazel's. {}".format(name, renew), packages = {})
    return struct(error = None, packages = lock["packages"])
