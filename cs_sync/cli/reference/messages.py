"""The page of messages with their remedies, read from where the code makes them."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

import cs_sync
from cs_sync.cli.reference.message_texts import (
    Bound,
    SourceFile,
    bind_arguments,
    get_called_name,
    list_texts,
    read_source,
)
from cs_sync.cli.reference.tables import render_table

_INTRODUCTION = """\
# Messages and remedies

This page is written from the code: what cs-sync says when something is wrong, and what to do. A
name in capitals stands for what the message names: a file, a key, a record. Search the page for a
few words of your message. Where there are several remedies, the message comes with one of them.
"""
_GROUPS = {
    "ConfigError": "The configuration or the command (exit code 2)",
    "Problem": "Keys of the configuration file (exit code 2)",
    "ValueError": "Values of keys and options (exit code 2)",
    "StoreError": "The database (exit code 1)",
    "LeaseHeld": "Another run (exit code 1)",
    "CredentialRefused": "Keys of vendors",
    "PermissionMissing": "Scopes of vendors",
    "Unreachable": "Vendors without a usable response",
    "Throttled": "Quotas of vendors",
    "RequestRefused": "Requests that a vendor refused",
    "AnswerUnknown": "Writes without a response",
    "CsSyncError": "Others (exit code 1)",
    "Finding": "Findings of `cs-sync check` and `cs-sync setup` (exit code 3)",
    "Warning": "Warnings of a run",
}
_NOT_FOR_USERS = {"testing", "scaffold", "reference"}
_HOST = Path(cs_sync.__path__[0])
PACKAGES = (_HOST, *sorted(_HOST.parent.glob("plugins/*/cs_sync_*")))
"""The host's package and those of the plugins beside it."""
_ARROW = re.compile(r"\n\s*→ ")
_CLASS = re.compile(r"^class (\w+)\((\w+)\)", re.MULTILINE)
_WORD = re.compile(r"[a-z]{2}")
Pairs = dict[str, set[str]]
"""Message → its remedies."""


class Site(Struct, frozen=True):
    """A place of the code that makes a message."""

    source: SourceFile
    error: str
    message: ast.expr
    remedy: ast.expr | None

    def __str__(self) -> str:
        """Return file and expression, for a test's list."""
        return f"{self.source.path.name}: {ast.unparse(self.message)}"


def render_messages() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION]
    host, *plugins = PACKAGES
    by_error = collect_messages(host)
    for name, title in _GROUPS.items():
        parts += _render_group(title, by_error[name])
    for package in plugins:
        pairs: Pairs = {}
        for group in collect_messages(package).values():
            for message, remedies in group.items():
                pairs.setdefault(message, set()).update(remedies)
        parts += _render_group(f"The plugin {package.name.removeprefix('cs_sync_')}", pairs)
    return "\n".join(parts)


def _render_group(title: str, pairs: Pairs) -> Iterator[str]:
    if pairs:
        yield f"## {title}\n"
        rows = [(message, "<br>".join(sorted(remedies))) for message, remedies in pairs.items()]
        yield from render_table(("message", "remedy"), sorted(rows))


def collect_messages(package: Path) -> Mapping[str, Pairs]:
    """Return a package's messages with their remedies, by error."""
    by_error: dict[str, Pairs] = {name: {} for name in _GROUPS}
    for site in list_sites(package):
        for message, remedies in write_pairs(site):
            by_error[site.error].setdefault(message, set()).update(remedies)
    return by_error


def list_sites(package: Path) -> Iterator[Site]:
    """Yield every place of a package that makes a message."""
    sources = [
        read_source(path, package)
        for path in sorted(package.rglob("*.py"))
        if _NOT_FOR_USERS.isdisjoint(path.relative_to(package).parts)
    ]
    errors = _map_errors(sources)
    made = re.compile(rf"\b({'|'.join(errors)}|remedy)\b|→")
    for source in sources:
        for node in ast.walk(source.tree) if made.search(source.text) else ():
            if isinstance(node, ast.Call):
                yield from _read_call(source, node, errors)
            elif isinstance(node, ast.JoinedStr):
                yield from _read_warning(source, node)


def _map_errors(sources: Sequence[SourceFile]) -> Mapping[str, str]:
    """Return error class → the error under which its messages are listed."""
    errors = {name: name for name in _GROUPS if name != "Warning"}
    errors["VendorError"] = "RequestRefused"
    for source in sources:
        for name, base in _CLASS.findall(source.text):
            if base in errors:
                errors.setdefault(name, errors[base])
    return errors


def _read_call(source: SourceFile, call: ast.Call, errors: Mapping[str, str]) -> Iterator[Site]:
    name = get_called_name(call)
    function = None if name == "__init__" else source.functions.get(name)
    if name == "Finding":
        given = {word.arg: word.value for word in call.keywords}
        if ast.unparse(given.get("ok", call)) != "True":
            yield Site(source, name, given["message"], given.get("remedy"))
    elif name == "__init__":
        made = source.find_class(call)
        if made in errors and call.args and source.path.name != "errors.py":
            yield Site(source, errors[made], call.args[0], next(iter(call.args[1:]), None))
    elif name in errors and isinstance(call.func, ast.Name) and not _writes_own_text(source, name):
        texts = call.args[1:] if name == "Problem" else call.args
        if texts:
            yield Site(source, errors[name], texts[0], texts[1] if len(texts) > 1 else None)
    elif function and {"message", "remedy"} <= {argument.arg for argument in function.args.args}:
        bound = bind_arguments(call, function, source)
        if "remedy" in bound:
            yield Site(source, "Finding", bound["message"][0], bound["remedy"][0])


def _writes_own_text(source: SourceFile, error: str) -> bool:
    """Return whether an error's class makes its message itself."""
    made = source.follow(error).classes.get(error)
    return made is not None and any(
        isinstance(part, ast.FunctionDef)
        and part.name == "__init__"
        and "message" not in {argument.arg for argument in part.args.args}
        for part in made.body
    )


def _read_warning(source: SourceFile, text: ast.JoinedStr) -> Iterator[Site]:
    """Yield a site for a text that brings its remedy."""
    written = "".join(str(part.value) for part in text.values if isinstance(part, ast.Constant))
    if re.search(r"\n\s*→ \w", written):
        yield Site(source, "Warning", text, None)


def write_pairs(site: Site) -> Iterator[tuple[str, set[str]]]:
    """Yield each text of a message with its remedies.

    There are none where it only passes texts on.
    """
    for bound in _list_bounds(site):
        remedies = [] if site.remedy is None else list_texts(site.remedy, site.source, bound)
        for message in list_texts(site.message, site.source, bound):
            what, own_remedies = _split_message(site.error, message) or (message, remedies)
            if any(_WORD.search(text) for text in (what, *own_remedies)):
                yield what, {text for text in own_remedies if text}


def _split_message(error: str, message: str) -> tuple[str, list[str]] | None:
    """Split a text that brings its remedy with it."""
    if error == "Warning":
        what, remedy = _ARROW.split(message, maxsplit=1)
        return what, [remedy]
    what, _, remedy = message.rpartition("; ")
    return (what, [remedy]) if error == "ValueError" and what else None


def _list_bounds(site: Site) -> Sequence[Bound]:
    """List what the parameters around a site are, call by call.

    Only where its texts need them.
    """
    function = site.source.find_function(site.message)
    needed = {
        node.id
        for text in (site.message, site.remedy)
        if text is not None
        for node in ast.walk(text)
        if isinstance(node, ast.Name)
    }
    if (
        function is None
        or function.name == "__init__"
        or not needed & {argument.arg for argument in function.args.args}
    ):
        return [{}]
    calls = [
        bind_arguments(call, function, source)
        for source in site.source.list_users(function.name)
        for call in source.list_calls(function.name)
    ]
    return calls or [{}]
