"""Test the module extension of kernel packages in a real Bazel: a file of the workspace, and one of a server."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Iterator

import pytest

from tests.bootstrap import other_module
from tests.bootstrap.other_module import Module
from tools.extract_kernel import kernel_testing

_TAGS = """\
kernels = use_extension("@sandbox_images//tools/extract_kernel:extensions.bzl", "kernels")
kernels.package(name = "kernel", architecture = "x86_64", sha256 = "{sha256}", {where})
use_repo(kernels, "kernel")
"""


@pytest.fixture()
def module(tmp_path: pathlib.Path) -> Iterator[Module]:
    made = Module(tmp_path)
    yield made
    made.close()


def _package(module: Module) -> tuple[bytes, str]:
    """Write an Alpine package into the module; return it and its digest."""
    data = pathlib.Path(kernel_testing.alpine(module.directory / "linux-virt.apk")).read_bytes()
    return data, hashlib.sha256(data).hexdigest()


def test_file_of_workspace_is_extracted(module: Module) -> None:
    _, sha256 = _package(module)
    module.declare(_TAGS.format(sha256=sha256, where='file = "//:linux-virt.apk"'))
    done = module.query("deps(@kernel//:package)")
    assert "kernel.apk" in done.stdout, done.stderr


def test_changed_file_of_workspace_is_rejected(module: Module) -> None:
    _package(module)
    module.declare(_TAGS.format(sha256="0" * 64, where='file = "//:linux-virt.apk"'))
    done = module.query("@kernel//:package")
    assert "cannot download the kernel package linux-virt.apk with sha256 0000" in other_module.error(done)
    assert "Checksum was" in done.stderr


def test_package_is_downloaded_from_address(module: Module) -> None:
    data, sha256 = _package(module)
    with other_module.serve({"/linux-virt-6.12.1-r0.apk": data}) as address:
        module.declare(_TAGS.format(sha256=sha256, where=f'urls = ["{address}/linux-virt-6.12.1-r0.apk"]'))
        done = module.query("deps(@kernel//:package)")
    assert "kernel.apk" in done.stdout, done.stderr


def test_vanished_address_is_named(module: Module) -> None:
    _, sha256 = _package(module)
    with other_module.serve({}) as address:
        module.declare(_TAGS.format(sha256=sha256, where=f'urls = ["{address}/linux-virt-6.12.1-r0.apk"]'))
        done = module.query("@kernel//:package")
    assert "cannot download the kernel package linux-virt-6.12.1-r0.apk" in other_module.error(done)
    assert "GET returned 404 Not Found" in done.stderr


@pytest.mark.parametrize(
    ("sha256", "where", "reason"),
    [
        ("0" * 64, "", "give either `urls` or `file`"),
        ("0" * 64, 'file = "//:linux-virt.apk", urls = ["http://127.0.0.1:1/k.apk"]', "give either `urls` or `file`"),
        ("0" * 64, 'urls = ["http://127.0.0.1:1/k.rpm"]', "neither an .apk nor a .deb"),
        ("", 'file = "//:linux-virt.apk"', "has 0 characters instead of 64"),
    ],
    ids=["nowhere", "twice", "rpm", "unpinned"],
)
def test_incomplete_tags_are_rejected(module: Module, sha256: str, where: str, reason: str) -> None:
    _package(module)
    module.declare(_TAGS.format(sha256=sha256, where=where))
    assert reason in other_module.error(module.query("@kernel//:package"))
