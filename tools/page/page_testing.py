"""Reads pages for tests, and checks that they need nothing from elsewhere."""

from __future__ import annotations

import html.parser


class Reader(html.parser.HTMLParser):
    """Keep the elements of a page, and fail if they are not nested.

    Attributes:
        elements: name and attributes of each.
        text: text between them.
    """

    _VOID = {"meta", "circle", "line", "rect", "polyline", "path"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def check_alone(read: Reader) -> None:
    """Fail if a page loads something, or has scripts or styles that its policy does not name."""
    assert not {tag for tag, _ in read.elements} & {"base", "form", "iframe", "image", "img", "link", "object", "use"}
    for _, attributes in read.elements:
        assert not attributes.keys() & {"action", "src", "srcset", "style"}
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in read.text and "@import" not in read.text
    policies = [attributes["content"] for _, attributes in read.elements if "http-equiv" in attributes]
    assert len(policies) == 1 and (policies[0] or "").startswith("default-src 'none'; ")
