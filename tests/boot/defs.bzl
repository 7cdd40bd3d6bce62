"""Defines the macro of tests that boot an image."""

load("//images:defs.bzl", "MACHINES")
load("//tools/pytest:defs.bzl", "pytest_test")

# Architecture of the tests that `//...` runs for one architecture only.
MAIN_ARCHITECTURE = "x86_64"

def boot_test(
        name,
        srcs,
        architecture,
        variant = None,
        data = [],
        files = {},
        machine = None,
        env = {},
        deps = [],
        tags = [],
        only_main = False):
    """Run pytest files with one image and the emulator for it. They share one boot, see `conftest.py`.

    Args:
        name: name of the test.
        srcs: the test files; they find the image through `guest.py`.
        architecture: architecture of the guest.
        variant: variant of the disk image; none for a guest without one.
        data: further files that the test reads.
        files: further files, by the environment variable that has their path; those of the guest may be others, too.
        machine: machine that the guest boots on; by default that of the images' own kernel, or one that any kernel boots on
            if `files` has another.
        env: further variables.
        deps: further Python libraries.
        tags: further tags.
        only_main: whether `//...` runs the test for x86_64 only, because it tests code that does not depend on the
            architecture. The package's suite runs it for each (`complete_suite`).
    """
    guest = {
        "SANDBOX_INITRAMFS": "//images:initramfs_" + architecture,
        "SANDBOX_KERNEL": "//images:vmlinuz_" + architecture,
        "SANDBOX_QEMU": "//tools/toolchains/qemu:qemu-system-" + architecture,
    }
    if variant:
        guest["SANDBOX_DISK"] = "//images:qcow2_{}_{}".format(variant, architecture)
    machine = machine or ("" if "SANDBOX_KERNEL" in files else MACHINES[architecture])
    files = guest | files
    pytest_test(
        name = name,
        size = "large",
        srcs = srcs,
        data = files.values() + data,
        env = {
            "SANDBOX_ARCHITECTURE": architecture,
            "SANDBOX_MACHINE": machine,
            "SANDBOX_VARIANT": variant or "",
        } | {
            variable: "$(rootpath {})".format(label)
            for variable, label in files.items()
        } | env,
        tags = tags + [architecture] + (["manual"] if only_main and architecture != MAIN_ARCHITECTURE else []),
        deps = [
            ":guest",
            "//tools/sandbox:lib",
        ] + deps,
    )

def complete_suite(name, visibility):
    """Define a suite of all tests of the package that precede it, with the manual ones.

    Args:
        name: name of the suite.
        visibility: packages that may use it.
    """
    native.test_suite(
        name = name,
        # A suite that `//...` matches would run its manual tests too.
        tags = ["manual"],
        tests = [
            test
            for test, rule in native.existing_rules().items()
            if rule["kind"].endswith("_test")
        ],
        visibility = visibility,
    )
