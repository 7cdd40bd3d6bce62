"""An HTML page that needs nothing from elsewhere, and that can load nothing.

All text of a page is hostile: names of files, output of guests. The functions of this package escape it. Should a text
get through nevertheless, the page's policy allows only its own style and script, named by their digests.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import pathlib
from collections.abc import Iterable, Iterator, Sequence

from tools.cli import text

_HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: its text.
        kind: classes of the style, such as `number`.
        span: columns that it takes.
        link: identifier of the part of the page to which the text leads; empty for none.
    """

    text: object
    kind: str = ""
    span: int = 1
    link: str = ""


def render(title: str, body: Iterable[str], *, script: bool = False) -> str:
    """Return the page.

    Args:
        title: title in the browser's window.
        body: lines of HTML.
        script: whether the page has treemaps, whose keys and pointer need a script.
    """
    style = (_HERE / "style.css").read_text("utf-8")
    code = (_HERE / "treemap.js").read_text("utf-8") if script else ""
    policy = ["default-src 'none'", f"style-src {_source(style)}", "base-uri 'none'", "form-action 'none'"]
    if script:
        policy.append(f"script-src {_source(code)}")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><title>{escape(title)}</title>',
            f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(policy)}">',
            '<meta name="viewport" content="width=device-width">',
            f"<style>{style}</style></head>",
            "<body>",
            *body,
            *([f"<script>{code}</script>"] if script else []),
            "</body></html>",
            "",
        ]
    )


def escape(value: object) -> str:
    """Return a text for any place of a page: between tags, or in the quotes of an attribute."""
    # Characters that are invisible or change the direction of text mislead, and a surrogate has no UTF-8.
    return html.escape(text.one_line(str(value)))


def preformatted(lines: str) -> str:
    """Return an element with lines as they are."""
    content = "\n".join(map(escape, lines.expandtabs().split("\n")))
    return f"<pre>{content}</pre>"


def table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]], *, name: str = "") -> Iterator[str]:
    """Yield the lines of a table.

    Args:
        head: its first row.
        rows: its other rows.
        name: its identifier.
    """
    identifier = f' id="{escape(name)}"' if name else ""
    yield f'<div class="wide"><table{identifier}><thead>{_row(head, "th")}</thead><tbody>'
    for row in rows:
        yield _row(row, "td")
    yield "</tbody></table></div>"


def definitions(items: Iterable[tuple[object, object]]) -> Iterator[str]:
    """Yield the lines of a list of names and their values."""
    yield "<dl>"
    for name, value in items:
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"


def _row(cells: Sequence[Cell], tag: str) -> str:
    return f"<tr>{''.join(_cell(cell, tag) for cell in cells)}</tr>"


def _cell(cell: Cell, tag: str) -> str:
    kind = f' class="{cell.kind}"' if cell.kind else ""
    span = f' colspan="{cell.span}"' if cell.span != 1 else ""
    content = escape(cell.text)
    if cell.link:
        content = f'<a href="#{escape(cell.link)}">{content}</a>'
    return f"<{tag}{kind}{span}>{content}</{tag}>"


def _source(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"
