"""The fields `cpu`, `os` and `libc` decide the architecture of an npm package."""

from __future__ import annotations

from typing import Any

import pytest

from tools.npm import platforms
from tools.packages.tarball import PackageError


@pytest.mark.parametrize(
    ("description", "architecture"),
    [
        ({}, "any"),
        ({"cpu": [], "os": None, "libc": ""}, "any"),
        ({"cpu": ["x64"]}, "x86_64"),
        ({"cpu": "arm64"}, "aarch64"),
        ({"cpu": ["any"]}, "any"),
        ({"cpu": ["x64", "arm64", "ia32"]}, "any"),
        ({"cpu": ["ia32", "arm64"]}, "aarch64"),
        ({"cpu": ["!ia32"]}, "any"),
        ({"cpu": ["!arm64"]}, "x86_64"),
        ({"cpu": ["!x64", "x64", "arm64"]}, "aarch64"),
        ({"cpu": ["x64"], "os": ["darwin", "linux"], "libc": ["musl", "glibc"]}, "x86_64"),
        ({"os": ["!win32"], "libc": "!musl"}, "any"),
        ({"os": "linux", "libc": ["glibc"]}, "any"),
    ],
)
def test_architecture_comes_from_the_fields(description: dict[str, Any], architecture: str) -> None:
    assert platforms.architecture(description, "p") == architecture


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"cpu": ["mips"]}, "is for cpu .'mips'., but guests"),
        ({"cpu": ["!x64", "!arm64"]}, "is for cpu"),
        ({"os": ["darwin"], "cpu": ["arm64"]}, "is for os .'darwin'., but guests are linux: take a package for linux"),
        ({"os": "!linux"}, "is for os"),
        ({"os": [1]}, "is for os"),
        ({"libc": ["musl"], "cpu": ["x64"]}, "is for libc .'musl'., but guests are glibc: take a package for glibc"),
        ({"libc": ["!glibc"]}, "is for libc"),
    ],
)
def test_package_for_other_systems_is_rejected(description: dict[str, Any], message: str) -> None:
    with pytest.raises(PackageError, match=message):
        platforms.architecture(description, "p")
