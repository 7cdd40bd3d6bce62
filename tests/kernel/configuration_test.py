"""Test that a configuration line without effect fails the build of a kernel; the kernel's Kconfig decides."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import pytest

from tools.linux_kernel import build
from tools.linux_kernel.configuration import ConfigurationError
from tools.linux_kernel.root import Root

_TREES = ("kernel_tools", "llvm", "sysroot")


def _files() -> list[tuple[str, str]]:
    """Return the files of the rule's root: the trees are repositories outside the workspace."""
    runfiles = pathlib.Path.cwd().parent
    files: list[tuple[str, str]] = []
    for tree in _TREES:
        (repository,) = runfiles.glob(f"*~{tree}_*")
        for directory, _, names in os.walk(repository, followlinks=True):
            paths = [pathlib.Path(directory, name) for name in names]
            files += [(str(path.relative_to(repository)), str(path)) for path in paths]
    return files


def _build(tmp_path: pathlib.Path, change: Callable[[str], str]) -> None:
    names = {
        name: str(pathlib.Path(os.environ[name]).absolute()) for name in ("BWRAP", "BUSYBOX", "COMMON", "OWN", "SOURCE")
    }
    own = tmp_path / "x86_64.config"
    own.write_text(change(pathlib.Path(names["OWN"]).read_text("utf-8")))
    root = Root(tmp_path / "root", names["BWRAP"], names["BUSYBOX"], _files())
    build.build(root, names["SOURCE"], "x86_64", [names["COMMON"], str(own)], [])


def test_option_whose_dependency_is_missing_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _build(tmp_path, lambda text: text + "CONFIG_NETFILTER_XT_MARK=y\n")
    message = str(caught.value)
    assert "x86_64.config:" in message
    assert "CONFIG_NETFILTER_XT_MARK=y does not hold" in message
    assert "net/netfilter/Kconfig:" in message
    assert "(if NETFILTER_XTABLES" in message


def test_options_that_need_removed_option_are_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _build(tmp_path, lambda text: text.replace("CONFIG_HYPERVISOR_GUEST=y\n", ""))
    message = str(caught.value)
    assert "common.config:" in message
    assert "CONFIG_PARAVIRT=y does not hold" in message
    assert "if HYPERVISOR_GUEST" in message
    assert "CONFIG_KVM_GUEST" in message.partition("neither do")[2]
    # The error names the architecture that was built, and no other.
    assert "arch/riscv" not in message
