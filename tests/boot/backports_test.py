"""The kernel of Debian's backports boots an image: one of a later series, taken out of several packages."""

from __future__ import annotations

import os
import pathlib

from tests.boot.guest import Booted


def test_kernel_is_the_one_of_the_packages(booted: Booted) -> None:
    release = pathlib.Path(os.environ["RELEASE"]).read_text("utf-8").strip()
    assert booted.run("raw", "uname -r").stdout.strip() == release
    assert int(release.partition(".")[0]) >= 7
