"""The provenance accounts for an image, or the build fails."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import pytest

from tools.mkdist import ownership, slsa

_BUILD = slsa.Build("//images:qcow2_raw_x86_64", "x86_64", "fastbuild", "7.7.1")


def _lock(directory: pathlib.Path, *names: str) -> str:
    packages = [
        {
            "architecture": "amd64",
            "archive": "debian",
            "name": name,
            "path": f"pool/main/{name}_1+b1_amd64.deb",
            "sha256": hashlib.sha256(name.encode()).hexdigest(),
            "size": 1,
            "version": "1:1+b1",
        }
        for name in names
    ]
    (directory / "demo.lock.json").write_text(json.dumps({"packages": {"x86_64": packages}}))
    return str(directory / "demo.lock.json")


def _statement(directory: pathlib.Path) -> dict[str, Any]:
    for name in ("raw.qcow2", "agent", "rust.lock.json"):
        (directory / name).write_text(name)
    packages = slsa.locked_packages([_lock(directory, "libstdc++6", "bash")], "x86_64")
    pins = {"tools/debian/locks/rust.lock.json": str(directory / "rust.lock.json")}
    return json.loads(slsa.render(str(directory / "raw.qcow2"), _BUILD, packages, [str(directory / "agent")], pins))


def _sha256(text: str) -> dict[str, str]:
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def test_statement_names_the_image(tmp_path: pathlib.Path) -> None:
    statement = _statement(tmp_path)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": "raw.qcow2", "digest": _sha256("raw.qcow2")}]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"command": "build", "targets": ["//images:qcow2_raw_x86_64"]}
    assert statement["predicate"]["runDetails"]["builder"]["version"] == {"bazel": "7.7.1"}


def test_all_inputs_are_named_with_their_digest(tmp_path: pathlib.Path) -> None:
    dependencies = _statement(tmp_path)["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert [(item["name"], item["digest"]) for item in dependencies] == [
        ("bash_1+b1_amd64.deb", _sha256("bash")),
        ("libstdc++6_1+b1_amd64.deb", _sha256("libstdc++6")),
        ("agent", _sha256("agent")),
        ("tools/debian/locks/rust.lock.json", _sha256("rust.lock.json")),
    ]
    assert dependencies[1]["uri"] == "pkg:deb/debian/libstdc%2B%2B6@1%3A1%2Bb1?arch=amd64"


def _package(kind: str, name: str, sha256: str) -> ownership.Package:
    return ownership.Package(kind, name, "1:1+b1", "amd64", "", sha256)


def test_wheels_and_npm_packages_must_be_pinned(tmp_path: pathlib.Path) -> None:
    requirements, module = tmp_path / "requirements.txt", tmp_path / "MODULE.bazel"
    requirements.write_text("uv==1 \\\n  --hash=sha256:" + "ab" * 32 + "\n")
    module.write_text('npm.archive(integrity = "sha512-x", package = "npm", version = "1:1+b1")')
    known = [_package("npm", "npm", "ef" * 32), _package("pypi", "uv", "ab" * 32)]
    for other in (_package("pypi", "uv", "cd" * 32), _package("npm", "npx", "01" * 32)):
        report = ownership.Report("x86_64", [*known, other], [])
        packages = slsa.other_packages([str(requirements)], str(module), report)
        assert [(package["name"], package["digest"]["sha256"]) for package in packages] == [
            ("npm", "ef" * 32),
            ("uv", "ab" * 32),
        ]
        with pytest.raises(slsa.SlsaError, match=f"{other.name} .*in none of the locks"):
            slsa.check(packages, report)


def test_version_of_another_tag_does_not_pin(tmp_path: pathlib.Path) -> None:
    module = tmp_path / "MODULE.bazel"
    module.write_text(
        'bazel_dep(name = "x", version = "1:1+b1")\n'
        'npm.archive(\n    integrity = "sha512-x",\n    package = "npm",\n    version = "2",\n)\n'
    )
    report = ownership.Report("x86_64", [_package("npm", "npm", "ef" * 32)], [])
    assert not slsa.other_packages([], str(module), report)


def test_package_without_a_lock_is_rejected(tmp_path: pathlib.Path) -> None:
    packages = slsa.locked_packages([_lock(tmp_path, "bash")], "x86_64")
    bash = _package("deb", "bash", _sha256("bash")["sha256"])
    slsa.check(packages, ownership.Report("x86_64", [bash], []))
    other = _package("deb", "bash", "ab" * 32)
    with pytest.raises(slsa.SlsaError, match="bash .*in none of the locks"):
        slsa.check(packages, ownership.Report("x86_64", [bash, other], []))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"packages": {"aarch64": []}}', '{"packages": {"x86_64": [{}]}}'])
def test_lock_of_another_architecture_is_rejected(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "demo.lock.json").write_text(text)
    with pytest.raises(slsa.SlsaError, match=r"demo.lock.json: pins nothing for x86_64"):
        slsa.locked_packages([str(tmp_path / "demo.lock.json")], "x86_64")
