"""Defines the macro of tests that start a separate Bazel."""

load("//tools/pytest:defs.bzl", "pytest_test")

def nested_bazel_test(name, srcs, deps = [], data = [], args = [], tags = [], **kwargs):
    """A pytest test that builds copies of the workspace, see README.md.

    Args:
        name: name of the test.
        srcs: test files.
        deps: Python libraries in addition to //tests/nested.
        data: files that the tests read at run time.
        args: further arguments of pytest.
        tags: further tags.
        **kwargs: arguments of `pytest_test`.
    """
    pytest_test(
        name = name,
        srcs = srcs,
        data = data + [Label("//:MODULE.bazel")],
        # Variables that repository rules read.
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
        # The test reads the workspace, which is no declared input, and uses the whole machine.
        tags = tags + [
            "bootstrap",
            "exclusive-if-local",
            "external",
            "manual",
            "no-cache",
            "no-remote",
            "requires-network",
        ],
        # Tests that pass show their output and time, too.
        args = [
            "-rP",
            "--durations=0",
            "--durations-min=1",
        ] + args,
        timeout = "eternal",
        deps = deps + [Label("//tests/nested")],
        **kwargs
    )
