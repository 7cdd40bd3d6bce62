"""Macro: a test that starts a Bazel of its own."""

load("//tools/pytest:defs.bzl", "pytest_test")

def nested_bazel_test(name, srcs, deps = [], data = [], args = [], tags = [], **kwargs):
    """A pytest test that builds copies of the workspace, see README.md.

    Args:
        name: name of the test.
        srcs: test files.
        deps: Python libraries besides //tests/nested.
        data: files that the tests read at run time.
        args: further arguments of pytest.
        tags: further tags.
        **kwargs: of `pytest_test`.
    """
    pytest_test(
        name = name,
        srcs = srcs,
        data = data + [Label("//:MODULE.bazel")],
        # What repository rules ask the machine for.
        env_inherit = [
            "DEBIAN_MIRROR",
            "DEBIAN_SECURITY_MIRROR",
            "DEBIAN_SNAPSHOT",
            "KERNEL_CACHE",
            "PIP_CONFIG_FILE",
            "PIP_EXTRA_INDEX_URL",
            "PIP_INDEX_URL",
            "REPOSITORY_CACHE",
            "SSL_CERT_FILE",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ],
        # It reads the workspace itself, which Bazel does not know to be an input, and takes the whole machine.
        tags = tags + [
            "bootstrap",
            "exclusive-if-local",
            "external",
            "manual",
            "no-cache",
            "no-remote",
            "requires-network",
        ],
        # What passes tells its numbers too, and its time.
        args = [
            "-rP",
            "--durations=0",
            "--durations-min=1",
        ] + args,
        timeout = "eternal",
        deps = deps + [Label("//tests/nested")],
        **kwargs
    )
