"""Defines the macro of tests that drive images with a published client."""

load("//tools/pytest:defs.bzl", "pytest_test")

# Port of the test's index of packages. It is free, because the test has a private network.
INDEX_PORT = 8137

def client_test(name, srcs, architecture, files, requirements, in_ci, env = {}, args = []):
    """A pytest test that runs a client under its own Python.

    Args:
        name: name of the test.
        srcs: test files.
        architecture: architecture of the images, and of the machine that the client sees.
        files: dict from environment variable to the label of the file that it names.
        requirements: packages of the client.
        in_ci: whether `//...` runs the test.
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
        tags = [
            "block-network",
            architecture,
        ] + ([] if in_ci else ["manual"]),
        # The clients' wheels and interpreter are for x86_64.
        target_compatible_with = ["@platforms//cpu:x86_64"],
        deps = [
            ":surroundings",
            "//tests/guest:package_index",
        ],
    )
