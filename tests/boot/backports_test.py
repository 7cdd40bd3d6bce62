"""Test that the kernel of Debian's backports, which consists of several packages, boots an image."""

from __future__ import annotations

import os
import pathlib

from tests.boot.guest import Booted


def test_kernel_has_release_of_packages(booted: Booted) -> None:
    release = pathlib.Path(os.environ["RELEASE"]).read_text("utf-8").strip()
    assert booted.run("raw", "uname -r").stdout.strip() == release
    assert int(release.partition(".")[0]) >= 7
