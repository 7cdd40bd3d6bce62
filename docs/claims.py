"""Which tests prove what README.md claims about builds: installation, downloads, pins and the build host.

`CLAIMS` has every sentence of the paragraphs that begin with `PARAGRAPHS`. A new sentence needs a test, or `()` if it
claims nothing.
"""

from __future__ import annotations

PARAGRAPHS = ("Each of the two commands", "The build guarantees")

# Sentence, to files of tests and names of tests in them.
CLAIMS: dict[str, tuple[str, ...]] = {
    "Each of the two commands sets itself up on a bare Debian 12, 13 or sid.": (
        "tests/roots/roots_test.py::test_first_command_builds_the_same_disk",
    ),
    "`./bazelw` runs bazelisk, or a bazel of the right version, if one is on the PATH.": (
        "tests/bootstrap/bazelisk_test.py::test_bazelw_starts_bazelisk",
        "tests/bootstrap/bazelw_test.py::test_bazel_of_the_version_is_used",
        "tests/bootstrap/bazelw_test.py::test_bazel_of_other_version_is_ignored",
    ),
    "Otherwise it assembles Bazel from locked Debian packages (as root or as an ordinary user that may create user "
    "namespaces; 260 MB to download, once).": (
        "tests/bootstrap/install_test.py::test_install_creates_tree_from_lock",
        "tests/bootstrap/install_test.py::test_readme_has_the_sizes_of_downloads",
        "tests/roots/roots_test.py::test_first_command_builds_the_same_disk",
    ),
    "All other locked Debian packages are about 1 GB; a build downloads only those that it needs.": (
        "tests/bootstrap/install_test.py::test_readme_has_the_sizes_of_downloads",
        "tests/roots/roots_test.py::test_first_command_builds_the_same_disk",
    ),
    "Any build host builds for any architecture, without a flag.": (
        "tests/roots/hosts_test.py::test_host_has_tools_for_every_image",
        "tests/roots/roots_test.py::test_first_command_builds_the_same_disk",
    ),
    "A build host without a network builds from a directory that another machine has written (`docs/offline.md`).": (
        "tests/vendor/offline_test.py::test_everything_is_built_and_the_disk_has_the_same_bytes",
    ),
    "The build guarantees that no action reads anything of the build host except `/bin/sh` (not its Python, compiler, "
    "QEMU or clock), that the same inputs give the same bytes, and that no image contains a program of another "
    "architecture.": (
        "tests/arch/corpus_test.py::test_rootfs_rejects_bad_files_of_packages",
        "tests/remote/execution_test.py::test_build_survives_killed_workers",
        "tests/reproducible/builds_test.py::test_two_builds_have_same_bytes",
        "tests/roots/roots_test.py::test_first_command_builds_the_same_disk",
    ),
    "Every download is pinned by a digest, Bazel and its rule sets included; bazelisk takes those by version.": (
        "tests/bootstrap/bazelisk_test.py::test_module_resolves_and_loads",
        "tests/bootstrap/digests_test.py::test_every_call_that_downloads_has_digest",
        "tests/bootstrap/digests_test.py::test_every_file_of_lock_has_digest",
        "tests/bootstrap/download_test.py::test_other_bytes_than_locked_are_rejected",
        "tests/bootstrap/install_test.py::test_lock_pins_bazel_of_this_workspace",
        "tests/bootstrap/install_test.py::test_missing_package_is_named_with_every_answer",
    ),
    "When a pinned Debian package leaves the archive, the build gets it from Debian's snapshot service.": (
        "tests/bootstrap/download_test.py::test_dropped_package_comes_from_snapshot_service",
        "tests/bootstrap/install_test.py::test_lost_package_comes_from_snapshot_service",
    ),
    "Start with `CONTRIBUTING.md`.": (),
    "The licence is Apache-2.0.": (),
}
