"""Allowed dependencies between directories: the table of ARCHITECTURE.md, and a check of labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

ALLOWED: Mapping[str, frozenset[str]] = {
    "agents": frozenset({"agents", "tools"}),
    "images": frozenset({"agents", "images", "tools"}),
    "tools": frozenset({"tools"}),
}
"""Top directory to its allowed dependencies. Directories without an entry may depend on all."""

EXCEPTIONS: Mapping[str, frozenset[str]] = {
    "tools/ide": frozenset({"agents"}),
    "tools/sandbox": frozenset({"agents/protocol", "images"}),
}
"""Package to additional allowed dependencies; ARCHITECTURE.md has the reasons."""

_LABEL = re.compile(r'"(?:@sandbox_images)?//(?P<package>[a-z0-9_/]+)(?P<target>[:"])')

# Neither labels of visibility nor Bazel's own names are dependencies.
_NO_DEPENDENCY = re.compile(
    r"//[a-z0-9_/]+:(?:__pkg__|__subpackages__)|//(?:visibility|conditions|command_line_option):\w+"
)


def wrong(package: str, text: str) -> Iterator[str]:
    """Yield a line for each label in a BUILD or .bzl file that the table does not allow.

    Args:
        package: the file's package.
        text: the file's content.
    """
    allowed = ALLOWED.get(package.partition("/")[0])
    if allowed is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        # Documentation and comments may name any label.
        code = _NO_DEPENDENCY.sub("", line.partition("#")[0])
        for found in _LABEL.finditer(code):
            target = found["package"]
            if target.partition("/")[0] not in allowed and target not in EXCEPTIONS.get(package, ()):
                yield f"{package}: line {number}: //{package} must not depend on //{target}"
