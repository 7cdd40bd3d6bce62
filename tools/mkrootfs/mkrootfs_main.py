"""Create a root filesystem, as tar archive and JSON file, from packages and described entries."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence

from absl import flags

from tools.cli import cli
from tools.elfcheck import architecture_flag
from tools.fsspec import packed
from tools.mkrootfs import rootfs
from tools.mkrootfs.rootfs import AnyPackage
from tools.npm.package import NpmPackage
from tools.packages.deb import Deb
from tools.wheels.wheel import Wheel

# As package URLs call them.
_TYPES = {Deb: "deb", NpmPackage: "npm", Wheel: "pypi"}

_ARCHITECTURE = architecture_flag.define("Architecture that all inputs must have.")
_PACKAGES = flags.DEFINE_multi_string("package", [], "Debian package to unpack.")
_WHEELS = flags.DEFINE_multi_string(
    "wheel", [], "DIRECTORY=FILE: Python wheel whose modules go to DIRECTORY of the image."
)
_NPM_PACKAGES = flags.DEFINE_multi_string("npm_package", [], "Archive of the npm registry to unpack.")
_SPECS = flags.DEFINE_multi_string(
    "spec", [], "JSON file of a filesystem spec to add; its entries may replace those of packages."
)
_RESERVED = flags.DEFINE_multi_string("reserve", [], "PATH of the image that a guest binary gets later.")
_CONCATENATE = flags.DEFINE_multi_string(
    "concatenate", [], "PATH=GLOB: joins the image's files that match GLOB into a file PATH."
)
_EXCLUDE = flags.DEFINE_multi_string(
    "exclude",
    [],
    "GLOB of files of packages to exclude, PACKAGE:GLOB of files of one package, or !GLOB of files to keep.",
)
_ICU_EXCLUDE = flags.DEFINE_multi_string("icu_exclude", [], "GLOB of items to exclude from the data of ICU.")
_STRIP = flags.DEFINE_multi_string("strip", [], "GLOB of ELF files to strip; it must match one.")
_SETUID = flags.DEFINE_multi_string(
    "allow_setuid", [], "Path of a file that keeps its setuid bits; all others lose them."
)
_MISSING = flags.DEFINE_multi_string(
    "allow_missing_libraries",
    [],
    "GLOB of files whose libraries may be missing; for a package.json, its npm dependencies.",
)
_DANGLING = flags.DEFINE_multi_string("allow_dangling_link", [], "GLOB of symlinks that may lead to nothing.")
_FOREIGN = flags.DEFINE_multi_string(
    "allow_foreign_code", [], "GLOB of files that may be machine code of another architecture or system."
)
_PYTHON = flags.DEFINE_string(
    "python", "", "CPython of the image's version, which compiles Python modules; without it they stay uncompiled."
)
_MTIME = flags.DEFINE_integer("mtime", packed.MTIME, "Time of every file, in seconds since 1970.", lower_bound=0)
_TAR = flags.DEFINE_string("tar", None, "Output: the archive.", required=True)
_SPEC_OUTPUT = flags.DEFINE_string("spec_output", None, "Output: the archive's JSON file.", required=True)
_REPORT = flags.DEFINE_string("packages_report", None, "Output: the list of packages (JSON).")


def main() -> None:
    """Assemble, pack, report."""
    request = rootfs.Request(
        architecture=_ARCHITECTURE.value,
        packages=_PACKAGES.value,
        wheels=_wheels(),
        npm_packages=_NPM_PACKAGES.value,
        specs=_SPECS.value,
        reserved=_RESERVED.value,
        concatenations=_mapping("concatenate", _CONCATENATE.value),
        exclude=_EXCLUDE.value,
        icu_exclude=_ICU_EXCLUDE.value,
        strip=_STRIP.value,
        setuid=_SETUID.value,
        missing=_MISSING.value,
        dangling=_DANGLING.value,
        foreign=_FOREIGN.value,
        python=_PYTHON.value,
        mtime=_MTIME.value,
    )
    # Beside the output: the directory for temporary files may be small.
    with tempfile.TemporaryDirectory(dir=os.path.dirname(_TAR.value) or ".") as work:
        tree, packages = rootfs.assemble(request, work)
        with cli.output_path(_TAR.value) as tar, cli.output_path(_SPEC_OUTPUT.value) as spec:
            packed.write(
                tree,
                _ARCHITECTURE.value,
                str(tar),
                str(spec),
                name=os.path.basename(_TAR.value),
                mtime=_MTIME.value,
            )
    if _REPORT.value:
        cli.write_text(_REPORT.value, _report(packages))


def _mapping(flag: str, values: Sequence[str]) -> dict[str, str]:
    result: dict[str, str] = {}
    for value in values:
        path, rest = cli.key_value(flag, value)
        if path in result:
            raise cli.UsageError(f"--{flag} is given twice for {path}")
        result[path] = rest
    return result


def _wheels() -> dict[str, str]:
    directories: dict[str, str] = {}
    for value in _WHEELS.value:
        directory, path = cli.key_value("wheel", value)
        if path in directories:
            raise cli.UsageError(f"--wheel is given twice for {path}")
        directories[path] = directory
    return directories


def _report(packages: Sequence[AnyPackage]) -> str:
    value = {
        "architecture": _ARCHITECTURE.value,
        "packages": [
            {
                "type": _TYPES[type(item)],
                "name": item.name,
                "version": item.version,
                "architecture": item.architecture,
                "licence": "" if isinstance(item, Deb) else item.licence,
                "sha256": packed.digest_of(item.path).sha256,
            }
            for item in packages
        ],
        # Everything in the tree that comes from neither a package nor a spec.
        "binaries": sorted(path.strip("/") for path in _RESERVED.value),
    }
    return json.dumps(value, indent=2) + "\n"


if __name__ == "__main__":
    cli.run(main)
