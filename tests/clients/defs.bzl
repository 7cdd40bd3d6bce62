"""Macro: a test that drives images by a published client."""

load("//tools/pytest:defs.bzl", "pytest_test")

# Of the index of packages that a test serves. It cannot be taken: the test has a network of its own.
INDEX_PORT = 8137

def client_test(name, srcs, architecture, files, requirements, env = {}, args = []):
    """A pytest test that runs a client under its own Python.

    Args:
        name: name of the test.
        srcs: test files.
        architecture: architecture of the images. The client believes itself on a machine of it.
        files: dict from environment variable to the label of the file that it names.
        requirements: packages of the client.
        env: further environment variables.
        args: arguments of pytest.
    """
    pytest_test(
        name = name,
        size = "large",
        srcs = srcs,
        args = args,
        data = files.values() + requirements + ["ordinary_user.py"],
        env = {
            variable: "$(rootpath {})".format(label)
            for variable, label in files.items()
        } | {
            "ARCHITECTURE": architecture,
            "INDEX_PORT": str(INDEX_PORT),
        } | env,
        # CI has the time for one architecture.
        tags = [
            "block-network",
            architecture,
        ] + (["manual"] if architecture == "aarch64" else []),
        # The clients' wheels and interpreter are those of x86_64.
        target_compatible_with = ["@platforms//cpu:x86_64"],
        deps = [
            ":surroundings",
            "//tests/guest:package_index",
        ],
    )
