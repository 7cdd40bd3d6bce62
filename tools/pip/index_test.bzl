"""Tests of the readers of pip's configuration, of an index's pages, and of the lock."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//tools/pip/private:index.bzl", "address_in", "default_of", "settings_of", "without_password")
load("//tools/pip/private:lock.bzl", "package_of", "pins_of", "read_lock")

_CONFIGURATION = """\
# the site's
[global]
index_url = https://one.example/simple
extra-index-url =
    https://two.example/simple
    ; not this one
    https://three.example/simple
trusted-host: one.example
[install]
index-url = https://other.example/simple
[download]
timeout = 5
"""

def _settings_test_impl(ctx):
    env = unittest.begin(ctx)
    settings = settings_of(_CONFIGURATION)
    asserts.equals(env, "https://one.example/simple", settings["index-url"])
    asserts.equals(env, "https://two.example/simple https://three.example/simple", settings["extra-index-url"])
    asserts.equals(env, "one.example", settings["trusted-host"])
    asserts.equals(env, "5", settings["timeout"])
    asserts.equals(env, {}, settings_of("no section = 1\n[broken\nword\n"))
    return unittest.end(env)

settings_test = unittest.make(_settings_test_impl)

def _address_test_impl(ctx):
    env = unittest.begin(ctx)
    base = "https://index.example/root/simple/demo/"
    for link, address in {
        "../../files/demo-1.whl#sha256=00": "https://index.example/root/files/demo-1.whl",
        "/files/demo-1.whl": "https://index.example/files/demo-1.whl",
        "//files.example/demo-1.whl": "https://files.example/demo-1.whl",
        "demo-1.whl": "https://index.example/root/simple/demo/demo-1.whl",
        "https://files.example/a/demo-1.whl#sha256=00": "https://files.example/a/demo-1.whl",
    }.items():
        page = "<a href=\"demo-1.whl.metadata\">x</a>\n<a class='x' href = '{}'>demo</a>".format(link)
        asserts.equals(env, address, address_in(page, base, "demo-1.whl"))
    asserts.equals(env, None, address_in("<a href=\"demo-2.whl\">demo-1.whl</a><a href=>", base, "demo-1.whl"))
    asserts.equals(env, "https://x/demo-1%2B2.whl", address_in("<a href=\"https://x/demo-1%2B2.whl\">", base, "demo-1+2.whl"))
    return unittest.end(env)

address_test = unittest.make(_address_test_impl)

def _password_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, ("https://x.example/simple@1", None), without_password("https://x.example/simple@1"))
    asserts.equals(
        env,
        ("https://x.example/simple", {"login": "me", "password": "a@b:c", "type": "basic"}),
        without_password("https://me:a@b:c@x.example/simple"),
    )
    asserts.equals(env, "https://x.example/simple", default_of("PyPI = PackageIndex(\n    \"https://x.example/\", a=\"b\")"))
    asserts.equals(env, None, default_of("PyPI = somewhere()"))
    return unittest.end(env)

password_test = unittest.make(_password_test_impl)

_REQUEST = {"architectures": ["x86_64"], "glibc": "2.28", "python": "3.13"}

def _lock(**changes):
    wheel = {"file": "a_b-1.0-py3-none-any.whl", "name": "a-b", "requires": [], "sha256": "00", "version": "1.0"} | changes
    return json.encode({"request": _REQUEST, "version": 1, "wheels": {"x86_64": [wheel]}})

def _lock_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "a_b_c", package_of("A.b--C"))
    pins = pins_of("# comment\nA.b[x]==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via c\n")
    asserts.equals(env, {"a_b": struct(digests = ["00", "11"], version = "1.0")}, pins)
    asserts.equals(env, {}, read_lock(_lock(), "demo", _REQUEST, pins, "update").errors)
    for content, error in {
        _lock(sha256 = "22"): "the lock of the Python packages 'demo' has a_b-1.0-py3-none-any.whl, which requirements.txt does not pin; update",
        _lock(version = "2.0"): "the lock of the Python packages 'demo' has a_b-1.0-py3-none-any.whl, which requirements.txt does not pin; update",
        "{}": "the lock of the Python packages 'demo' is not of version 1; update",
        "{": "the lock of the Python packages 'demo' is not of version 1; update",
        None: "the lock of the Python packages 'demo' is missing; update",
        _lock(name = "other"): "the lock of the Python packages 'demo' has no a_b; update",
    }.items():
        asserts.equals(env, error, read_lock(content, "demo", _REQUEST, pins, "update").errors["a_b"])
    other = read_lock(_lock(), "demo", _REQUEST | {"python": "3.12"}, pins, "update")
    asserts.true(env, "answers another request" in other.errors["a_b"])
    return unittest.end(env)

lock_test = unittest.make(_lock_test_impl)

def index_tests(name):
    """Declare all tests of this file.

    Args:
        name: name of the suite.
    """
    unittest.suite(name, settings_test, address_test, password_test, lock_test)
