"""Package indexes: those of the machine's pip, and their addresses of a file."""

load("@debian//:defs.bzl", "debian_label")

# Later sections and files override earlier ones, as with pip.
_SECTIONS = ["global", "download"]

# pip's own source, for its default index.
_DEFAULT = "usr/lib/python3/dist-packages/pip/_internal/models/index.py"

def settings_of(text):
    """Read a configuration file of pip.

    Args:
        text: its content.

    Returns:
        dict from an option's name to its value, lines joined by spaces.
    """
    sections = {}
    section = None
    option = None
    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            section = sections.setdefault(stripped[1:-1], {})
            option = None
        elif section == None:
            continue
        elif line[0] in " \t" and option:
            section[option] = (section[option] + " " + stripped).strip()
        else:
            separator = [mark for mark in stripped.elems() if mark in "=:"]
            if not separator:
                continue
            option, _, value = stripped.partition(separator[0])
            option = option.strip().lower().replace("_", "-")
            section[option] = value.strip()
    settings = {}
    for name in _SECTIONS:
        settings.update(sections.get(name, {}))
    return settings

def default_of(source):
    """Find pip's default index in the file of pip that defines it.

    Args:
        source: content of pip/_internal/models/index.py.

    Returns:
        The address of the index, or None.
    """
    _, found, rest = source.partition("PyPI = PackageIndex(")
    words = rest.split("\"")
    if not found or len(words) < 3 or not words[1].startswith("https://"):
        return None
    return words[1].rstrip("/") + "/simple"

def address_in(page, base, file):
    """Find a file in the page of a project.

    Args:
        page: the page, HTML as PEP 503 has it.
        base: the page's address.
        file: name of the file.

    Returns:
        The file's address, or None if the page does not list it.
    """
    for part in page.split("href")[1:]:
        part = part.lstrip(" \t\n=")
        if not part or part[0] not in "\"'":
            continue
        address = part[1:].partition(part[0])[0].replace("&amp;", "&").partition("#")[0]
        if address.split("/")[-1].replace("%2B", "+").replace("%2b", "+") == file:
            return _joined(base, address)
    return None

def _joined(base, address):
    """Return the address of a link in a page."""
    if "://" in address:
        return address
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    if address.startswith("//"):
        return scheme + ":" + address
    if address.startswith("/"):
        return scheme + "://" + host + address
    parts = []
    for part in path.split("/")[:-1] + address.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "{}://{}/{}".format(scheme, host, "/".join(parts))

def indexes(rctx):
    """Find the package indexes of this machine, as its pip does.

    Args:
        rctx: repository context.

    Returns:
        list of addresses without a final slash, in the order in which to try them.
    """
    environment = rctx.os.environ
    home = environment.get("HOME", "")
    files = [directory + "/pip/pip.conf" for directory in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    files.append("/etc/pip.conf")
    if home:
        files += [home + "/.pip/pip.conf", environment.get("XDG_CONFIG_HOME", home + "/.config") + "/pip/pip.conf"]
    chosen = environment.get("PIP_CONFIG_FILE")
    if chosen:
        # If this is set, pip reads no other file.
        files = [] if chosen == "/dev/null" else files + [chosen]
    settings = {}
    for file in files:
        if file.startswith("/") and rctx.path(file).exists:
            settings.update(settings_of(rctx.read(file, watch = "no")))
    address = environment.get("PIP_INDEX_URL") or settings.get("index-url") or _default(rctx)
    more = environment.get("PIP_EXTRA_INDEX_URL") or settings.get("extra-index-url", "")
    return [found.rstrip("/") for found in [address] + more.split(" ") if found]

def _default(rctx):
    address = default_of(rctx.read(Label(debian_label("pip_x86_64", _DEFAULT)), watch = "no"))
    if not address:
        fail("No address of a package index: set the environment variable PIP_INDEX_URL to one.")
    return address

def without_password(address):
    """Split an address into a public part and credentials.

    Args:
        address: address, possibly with a user name and a password before the host.

    Returns:
        The address without credentials, and a dict of `rctx.download`'s `auth` for it, or None.
    """
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    if not at:
        return address, None
    login, _, password = user.partition(":")
    return scheme + separator + host + slash + path, {"login": login, "password": password, "type": "basic"}
