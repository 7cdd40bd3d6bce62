"""Reading requirements.txt as pip-compile writes it: one pinned version a package, with digests."""

from __future__ import annotations

import dataclasses
import re

from packaging import requirements, utils

from tools.cli import errors

_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})$")


@dataclasses.dataclass(frozen=True)
class Pin:
    """A package at one version.

    Attributes:
        name: normalized name.
        version: the version, as the file has it.
        extras: extras that the file names.
        sha256: digests of the files that the version has.
        requirement: the whole requirement, with its marker.
    """

    name: str
    version: str
    extras: frozenset[str]
    sha256: frozenset[str]
    requirement: requirements.Requirement


def parse(text: str, where: str) -> list[Pin]:
    """Read the pins of a file.

    Args:
        text: the file's content.
        where: the file's name, for messages.

    Raises:
        errors.InputError: a line is not a pinned version with sha256 digests.
    """
    pins: dict[str, Pin] = {}
    lines = [
        line for line in text.replace("\\\n", " ").split("\n") if line.strip() and not line.lstrip().startswith("#")
    ]
    for line in lines:
        words = re.sub(r"\s+#.*", "", line).split()
        digests = [_DIGEST.match(word) for word in words]
        try:
            requirement = requirements.Requirement(
                " ".join(word for word, digest in zip(words, digests, strict=True) if not digest)
            )
        except requirements.InvalidRequirement as error:
            raise errors.InputError(
                str(error), where=where, fix="write it with pip-compile --generate-hashes"
            ) from error
        version = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
        sha256 = frozenset(digest[1] for digest in digests if digest)
        if not version or not sha256 or requirement.url:
            raise errors.InputError(
                f"{requirement.name} is not pinned to a version and to sha256 digests",
                where=where,
                fix="write it with pip-compile --generate-hashes",
            )
        name = utils.canonicalize_name(requirement.name)
        if name in pins:
            raise errors.InputError(f"{name} is pinned twice", where=where)
        pins[name] = Pin(name, version[1], frozenset(requirement.extras), sha256, requirement)
    return list(pins.values())
