"""The lock of Python packages, with a local index."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tools.cli import errors
from tools.pip import index_testing, package_index, requirements_file, wheel_lock

_REQUEST = wheel_lock.Request("demo", ("aarch64", "x86_64"), "2.28", "3.13", "requirements.txt", "lock.json")


@pytest.fixture()
def index(tmp_path: pathlib.Path) -> index_testing.Index:
    return index_testing.Index(tmp_path)


def _resolve(index: index_testing.Index, *lines: str) -> dict[str, list[dict[str, Any]]]:
    pins = requirements_file.parse("\n".join(lines), "requirements.txt")
    return wheel_lock.resolve(_REQUEST, pins, package_index.Indexes([index.address]))


def _add(index: index_testing.Index, project: str, tag: str, metadata: str = "") -> str:
    content = index_testing.wheel(f"{metadata}\nKeywords: {tag}", name=f"{project}-1.0")
    return index.add(project, f"{project}-1.0-{tag}.whl", content)


def _line(project: str, *digests: str) -> str:
    return f"{project}==1.0 " + " ".join(f"--hash=sha256:{digest}" for digest in digests)


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        (["py3-none-any", "cp313-cp313-manylinux2014_x86_64"], 1),
        (["cp313-cp313-manylinux2014_x86_64", "cp313-cp313-manylinux_2_28_x86_64"], 1),
        (["cp313-cp313-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_34_x86_64"], 0),
        (["cp39-abi3-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_28_x86_64"], 0),
        (["py3-none-any", "cp313-cp313-musllinux_1_2_x86_64"], 0),
        (["py2.py3-none-any", "cp313-cp313-win_amd64"], 0),
    ],
)
def test_best_wheel_of_the_interpreter_is_chosen(index: index_testing.Index, tags: list[str], chosen: int) -> None:
    digests = [_add(index, "demo", tag) for tag in tags]
    digests.append(_add(index, "demo", "cp313-cp313-manylinux_2_5_aarch64"))
    assert _resolve(index, _line("demo", *digests))["x86_64"][0]["sha256"] == digests[chosen]


def test_unpinned_wheel_is_not_chosen(index: index_testing.Index) -> None:
    pinned = _add(index, "demo", "py3-none-any")
    _add(index, "demo", "cp313-cp313-manylinux_2_28_x86_64")
    assert {wheel["sha256"] for wheels in _resolve(index, _line("demo", pinned)).values() for wheel in wheels} == {
        pinned
    }


def test_dependencies_follow_markers_and_extras(index: index_testing.Index) -> None:
    pins = [
        _line(
            "top",
            _add(index, "top", "py3-none-any", "Requires-Dist: middle[fast]\nRequires-Dist: gone; os_name == 'nt'"),
        ),
        _line(
            "middle",
            _add(
                index, "middle", "py3-none-any", "Requires-Dist: low; extra == 'fast'\nRequires-Dist: no; extra == 'x'"
            ),
        ),
        _line("low", _add(index, "low", "py3-none-any", "Requires-Dist: arm; platform_machine == 'aarch64'")),
        _line("arm", _add(index, "arm", "py3-none-any")),
    ]
    found = _resolve(index, *pins)
    requires = {
        architecture: {wheel["name"]: wheel["requires"] for wheel in wheels} for architecture, wheels in found.items()
    }
    assert requires["x86_64"] == {"arm": [], "low": [], "middle": ["low"], "top": ["middle"]}
    assert requires["aarch64"]["low"] == ["arm"]


def test_package_of_another_platform_is_excluded(index: index_testing.Index) -> None:
    digest = _add(index, "demo", "py3-none-any")
    line = f"demo==1.0 ; sys_platform == 'win32' --hash=sha256:{digest}"
    assert _resolve(index, line) == {"aarch64": [], "x86_64": []}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("demo>=1.0 --hash=sha256:" + "0" * 64, "demo is not pinned"),
        ("demo==1.*", "demo is not pinned"),
        ("demo==1.0", "demo is not pinned"),
        ("demo==1.0 --hash=md5:0", "pip-compile"),
        ("-r other.txt", "pip-compile"),
    ],
)
def test_unpinned_line_is_rejected(line: str, message: str) -> None:
    with pytest.raises(errors.InputError, match=message):
        requirements_file.parse(line, "requirements.txt")


def test_package_without_a_wheel_is_named(index: index_testing.Index) -> None:
    digest = _add(index, "demo", "cp312-cp312-manylinux_2_28_x86_64")
    with pytest.raises(errors.InputError, match="demo for aarch64: version 1.0 has no wheel"):
        _resolve(index, _line("demo", digest))


def test_unpinned_dependency_is_named(index: index_testing.Index) -> None:
    digest = _add(index, "demo", "py3-none-any", "Requires-Dist: other")
    with pytest.raises(errors.InputError, match="demo depends on other"):
        _resolve(index, _line("demo", digest))


def test_unknown_project_names_the_page(index: index_testing.Index) -> None:
    with pytest.raises(errors.InputError, match="demo/index.html: cannot read it"):
        _resolve(index, _line("demo", "0" * 64))


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(40)])
def test_file_that_is_not_a_wheel_is_an_input_error(index: index_testing.Index, content: bytes) -> None:
    digest = index.add("demo", "demo-1.0-py3-none-any.whl", content)
    with pytest.raises(errors.InputError):
        _resolve(index, _line("demo", digest))


def test_password_of_the_index_is_not_shown() -> None:
    indexes = package_index.Indexes(["https://user:secret@localhost:1/simple"])
    with pytest.raises(errors.InputError) as error:
        indexes.files("demo")
    assert "https://localhost:1/simple/demo/" in str(error.value)
    assert "secret" not in str(error.value)


def test_lock_is_deterministic(index: index_testing.Index) -> None:
    line = _line("demo", _add(index, "demo", "py3-none-any"))
    first, second = (wheel_lock.render(_REQUEST, _resolve(index, line)) for _ in range(2))
    assert first == second
    assert json.loads(first)["request"] == {"architectures": ["aarch64", "x86_64"], "glibc": "2.28", "python": "3.13"}
