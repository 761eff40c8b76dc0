"""Hooks of the documentation site: pages and files from outside `docs/` join it."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
JOINED = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    **{
        f"{folder}/{path.parent.name}/README.md": f"{room}/{path.parent.name}.md"
        for folder, room in (("plugins", "connectors"), ("examples", "examples"))
        for path in sorted(ROOT.glob(f"{folder}/*/README.md"))
    },
    **{
        str(path.relative_to(ROOT)): f"files/{path.name}"
        for pattern in (
            "LICENSE",
            "Dockerfile",
            "compose.yaml",
            "examples/bi/*",
            "examples/*/*.ipynb",
        )
        for path in sorted(ROOT.glob(pattern))
    },
}
"""The site's page, or download, of each file outside `docs/`, by its path in the repository."""
SOURCES = {page: path for path, page in JOINED.items()}
_LINK = re.compile(r"(?<!!)\[((?:`[^`]+`|[^\]`])*)\]\((?![a-z]+:|#)([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files that stand outside `docs/`."""
    for path, page in JOINED.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: object) -> str:
    """Lead links to pages of the site; those to other files of the repository become text.

    Commands are shown as such: as `console` those without a prompt would be grey, as output is.
    """
    here = PurePosixPath(page.file.src_uri)
    folder = PurePosixPath(SOURCES.get(str(here), f"docs/{here}")).parent

    def lead(match: re.Match[str]) -> str:
        text, link, anchor = match[1], match[2], match[3] or ""
        path = normpath(str(folder / link))
        if (ROOT / path).is_dir():
            path += "/README.md"
        target = JOINED.get(path) or path.removeprefix("docs/")
        if files.get_file_from_path(target):
            return f"[{text}]({relpath(target, str(here.parent))}{anchor})"
        return text if (ROOT / path).exists() else match[0]

    return _LINK.sub(lead, markdown).replace("```console\n", "```sh\n")
