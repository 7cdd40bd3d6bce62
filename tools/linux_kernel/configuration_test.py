"""Test the reader of fragments and the check of the final configuration."""

from __future__ import annotations

import pathlib

import pytest

from tools.linux_kernel import configuration
from tools.linux_kernel.configuration import ConfigurationError

_KCONFIG = """\
menuconfig MISC
	bool "Others"

if MISC
config EROFS
	tristate "EROFS"
	depends on BLOCK
	depends on !CRAMFS || TEST
	select CRC

config OTHER
	bool "Other"
	depends on NOTHING
endif
"""


def _fragment(path: pathlib.Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def _check(tmp_path: pathlib.Path, final: str, *lines: str) -> None:
    source = tmp_path / "source"
    (source / "fs").mkdir(parents=True)
    (source / "fs/Kconfig").write_text(_KCONFIG)
    settings = configuration.read_fragments([_fragment(tmp_path / "guest.config", *lines)])
    (source / "arch/sparc").mkdir(parents=True)
    (source / "arch/sparc/Kconfig").write_text("config EROFS\n\tdepends on SPARC\n")
    configuration.check(list(settings.values()), configuration.parse(final), source, "x86")


def test_read_fragments_keeps_order(tmp_path: pathlib.Path) -> None:
    first = _fragment(tmp_path / "a", "# ---- a purpose ----", "CONFIG_B=y", "", "# CONFIG_A is not set")
    second = _fragment(tmp_path / "b", 'CONFIG_NAME="x y"', "CONFIG_TIMEOUT=-1")
    settings = configuration.read_fragments([first, second])
    assert [(setting.name, setting.value) for setting in settings.values()] == [
        ("B", "y"),
        ("A", "n"),
        ("NAME", '"x y"'),
        ("TIMEOUT", "-1"),
    ]
    assert settings["A"].where == f"{first}:4"
    assert str(settings["A"]) == "# CONFIG_A is not set"
    assert str(settings["TIMEOUT"]) == "CONFIG_TIMEOUT=-1"


@pytest.mark.parametrize("line", ["CONFIG_A", "A=y", " CONFIG_A=y", "config_a=y", "CONFIG_A ="])
def test_read_fragments_rejects_malformed_lines(tmp_path: pathlib.Path, line: str) -> None:
    with pytest.raises(ConfigurationError, match="a:2: .* is not a line of a configuration"):
        configuration.read_fragments([_fragment(tmp_path / "a", "CONFIG_B=y", line)])


def test_read_fragments_rejects_repeated_options(tmp_path: pathlib.Path) -> None:
    first = _fragment(tmp_path / "a", "CONFIG_B=y")
    second = _fragment(tmp_path / "b", "", "# CONFIG_B is not set")
    with pytest.raises(ConfigurationError, match=r"b:2: CONFIG_B is set already, by .*/a:1"):
        configuration.read_fragments([first, second])


def test_check_accepts_lines_that_hold(tmp_path: pathlib.Path) -> None:
    _check(tmp_path, "CONFIG_EROFS=y\n# CONFIG_OTHER is not set\n", "CONFIG_EROFS=y", "# CONFIG_OTHER is not set")


def test_check_names_line_and_dependencies_of_dropped_option(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _check(tmp_path, "CONFIG_BLOCK=y\n", "CONFIG_BLOCK=y", "CONFIG_EROFS=y")
    message = str(caught.value)
    assert "guest.config:2: CONFIG_EROFS=y does not hold" in message
    assert "the final configuration has '# CONFIG_EROFS is not set'" in message
    assert "see fs/Kconfig:5 (if MISC, depends on BLOCK, depends on !CRAMFS || TEST), and the menus" in message
    assert "NOTHING" not in message


def test_check_names_all_options_that_do_not_hold(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError, match="neither do CONFIG_OTHER, CONFIG_EXTRA"):
        _check(tmp_path, "CONFIG_EXTRA=m\n", "CONFIG_EROFS=y", "CONFIG_OTHER=y", "CONFIG_EXTRA=y")


def test_check_reports_unknown_option(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError, match="no Kconfig file defines this option; correct its name"):
        _check(tmp_path, "", "CONFIG_EROFSS=y")


def test_check_reports_option_that_another_selects(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError, match="has 'CONFIG_EROFS=y': another option selects it"):
        _check(tmp_path, "CONFIG_EROFS=y\n", "# CONFIG_EROFS is not set")


def test_check_reports_replaced_value(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError, match="CONFIG_OTHER=1 does not hold: .*'CONFIG_OTHER=2'"):
        _check(tmp_path, "CONFIG_OTHER=2\n", "CONFIG_OTHER=1")
