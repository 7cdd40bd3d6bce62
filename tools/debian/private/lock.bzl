"""Reads lock files: the pinned packages of one request, per architecture."""

LOCK_VERSION = 1

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

def request_of(tag):
    """Return the content of a `debian.packages` tag, in the form that a lock file repeats.

    Args:
        tag: the tag (struct with the tag class's attributes).

    Returns:
        A dict of JSON values. A lock answers a request only if its `request` equals this.
    """
    return {
        "architectures": sorted(tag.architectures),
        "closure": tag.closure,
        "exclude": sorted(tag.exclude),
        "packages": sorted(tag.packages),
        "suite": tag.suite,
    }

def how_to_update(name, module, is_root):
    """Describe how to update a lock, which depends on the module that has the request.

    Args:
        name: the request's name.
        module: name of the module that has the request and the lock.
        is_root: whether that module is the root module: the lock tool writes no other locks.

    Returns:
        Part of a message, without a full stop.
    """
    if not is_root:
        return "the lock is that of the module {}: take a newer version of this module".format(module)
    command = "./bazelw run //:lock" if module == "sandbox_images" else "bazel run @sandbox_images//:lock"
    return "update the lock with: {} -- --only={}".format(command, name)

def _day_after(date):
    """Return the time a day after the Date field of a Release file, as the snapshot service writes it, or None."""
    words = date.split(" ")
    if len(words) != 6 or words[2] not in _MONTHS:
        return None
    day, month, year = int(words[1]) + 1, _MONTHS.index(words[2]) + 1, int(words[3])
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > [31, 29 if is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]:
        day, month = 1, month + 1
    if month > 12:
        month, year = 1, year + 1
    return "{}{}{}T{}Z".format(year, ("0%d" % month)[-2:], ("0%d" % day)[-2:], words[4].replace(":", ""))

def snapshots_of(releases):
    """Return the time at which Debian's snapshot service has all packages of a lock.

    The service returns its last copy before a time, and copies an archive some hours after a release. A file stays in
    the archive for a day and a half after its last release.

    Args:
        releases: the lock's dates of Release files, by suite.

    Returns:
        dict from archive to a timestamp: a day after the newest release.
    """
    snapshots = {}
    for suite, date in releases.items():
        archive = "debian-security" if suite.endswith("-security") else "debian"
        time = _day_after(date)
        if time:
            snapshots[archive] = max(time, snapshots.get(archive, time))
    return snapshots

def read_lock(content, name, request, update, strict = True):
    """Decode a lock file and check that it answers the request.

    Args:
        content: text of the lock file, or None if there is none.
        name: the request's name, for messages.
        request: the request, see `request_of`.
        update: how to update the lock, see `how_to_update`.
        strict: whether a lock made for another request is an error.

    Returns:
        struct(error = None or a message, packages = dict from architecture to a list of package dicts with
        the keys name, version, architecture, archive, path, size (bytes) and sha256, snapshots = see `snapshots_of`).
    """
    if content == None:
        return struct(error = "the Debian packages '{}' have no lock file; {}".format(name, update), packages = {}, snapshots = {})
    lock = json.decode(content, default = None)
    if type(lock) != "dict" or lock.get("version") != LOCK_VERSION:
        return struct(error = "the lock file of the Debian packages '{}' is not of version {}; {}".format(name, LOCK_VERSION, update), packages = {}, snapshots = {})
    if strict and lock["request"] != request:
        return struct(error = "the lock file of the Debian packages '{}' answers another request than MODULE.bazel's; {}".format(name, update), packages = {}, snapshots = {})
    return struct(error = None, packages = lock["packages"], snapshots = snapshots_of(lock.get("releases", {})))
