"""A page as a reader of its markup sees it."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, the text of each section, and the tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.sections: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self.sections.append(str(dict(attrs)["aria-labelledby"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th", "dt", "dd"):
            self.texts.setdefault(self.sections[-1] if self.sections else "", []).append(" ")
        if tag == "section":
            self.sections.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "text", "script"):
            where = self.sections[-1] if self.sections else ""
            self.texts.setdefault(where, []).append(data)

    def text(self, section: str) -> str:
        return " ".join("".join(self.texts[section]).split())

    def all_texts(self) -> list[str]:
        return [text for texts in self.texts.values() for text in texts]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]
