"""Find words and phrases that the rules of CONTRIBUTING.md replace by plain technical English."""

from __future__ import annotations

import dataclasses
import fnmatch
import pathlib
import re
from collections.abc import Iterator, Sequence

from tools.lint import sources

ROOTS: Sequence[str] = (
    ".bazelrc",
    ".ci",
    ".github",
    "ARCHITECTURE.md",
    "BUILD.bazel",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "MODULE.bazel",
    "README.md",
    "agents",
    "bazelw",
    "docs",
    "examples",
    "images",
    "tests",
    "tools",
)
"""Files and directories at the top whose files are read."""

UNREAD: dict[str, str] = {
    "*.lock.json": "data",
    "*/go.sum": "data",
    "docs/protocol.md": "generated from agents/protocol",
    "tools/ci_diagnose/corpus/*": "output of real programs",
    "tools/lint/words*.py": "they have the words",
    "tools/pip/requirements.txt": "data",
    "tools/sandbox/responses.py": "generated from agents/protocol",
}
"""Patterns of files that are not read, with the reasons."""

ALLOWED: dict[tuple[str, str], str] = {
    ("CONTRIBUTING.md", "What is"): "an example of what not to write",
    ("CONTRIBUTING.md", "Who starts"): "an example of what not to write",
}
"""Path and phrase that may stay there, with the reasons."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """A phrase to avoid.

    Attributes:
        pattern: finds it.
        instead: what to write.
    """

    pattern: re.Pattern[str]
    instead: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """An occurrence.

    Attributes:
        path: file, relative to the workspace.
        line: number of the line, from 1.
        phrase: the phrase.
        instead: what to write.
    """

    path: str
    line: int
    phrase: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.phrase!r}: write {self.instead}"


def _rule(pattern: str, instead: str) -> Rule:
    return Rule(re.compile(pattern), instead)


# A participle makes "has not" a perfect tense: "has not answered".
_PARTICIPLE = (
    r"(?: yet)? (?:\w+ed|\w+en|become|begun|built|come|found|got|gone|had|left|made|put|read|run|said|sent|set)\b"
)

RULES: Sequence[Rule] = (
    _rule(r"\b[Ff]olders?\b", "directory"),
    _rule(r"\bto be had\b", "'available', or name the actor that cannot find it"),
    _rule(r"\b[Aa]new\b", "again"),
    _rule(r"\b(?:has|have) not\b(?!" + _PARTICIPLE + ")", "'lacks', or 'does not have'"),
    _rule(r"(?<!here )\bis none\b", "'is not one', or name what is missing"),
    _rule(r"\bof (?:its|their) own\b", "'its own', 'separate' or 'private'"),
    _rule(r"\b[Bb]esides\b", "'in addition to', or 'except'"),
    _rule(r"\b(?:mend|renew)(?:s|ed|ing)?\b", "'fix', or 'update'"),
    _rule(r"\bfarms?\b", "remote execution cluster"),
    _rule(r"\bmachines? that builds?\b", "build host"),
    _rule(r"\berrors? of the analysis\b", "analysis error"),
    _rule(r"\bwithout a word\b", "silently"),
    _rule(r"\b(?:whoever|whom)\b", "the actor"),
    # A sentence, heading, docstring or comment whose subject is a relative clause. A question is none.
    _rule(r"\b(?:What|Whatever|Who|Whoever) [a-z]+\b(?![^.]*\?)", "the noun itself as the subject"),
)
"""Phrases to avoid, and what to write."""


def find(path: str, text: str) -> Iterator[Finding]:
    """Yield the phrases in a text, except those that `ALLOWED` has.

    Args:
        path: the text's file, relative to the workspace.
        text: its content.
    """
    for number, line in enumerate(text.splitlines(), 1):
        for rule in RULES:
            for match in rule.pattern.finditer(line):
                if (path, match[0]) not in ALLOWED:
                    yield Finding(path, number, match[0], rule.instead)


def files(workspace: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yield path and text of the workspace's files below `ROOTS`.

    Args:
        workspace: root of the workspace.
    """
    for path in sources.files(workspace):
        name = str(path.relative_to(workspace))
        if name.partition("/")[0] not in ROOTS or any(fnmatch.fnmatchcase(name, pattern) for pattern in UNREAD):
            continue
        try:
            yield name, path.read_text()
        except UnicodeDecodeError:
            continue
