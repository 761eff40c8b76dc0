"""The page of messages with their remedies, read from where the code raises them."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import cs_sync
from cs_sync.cli.reference.tables import render_table
from cs_sync.contracts import errors

_INTRODUCTION = """\
# Messages and remedies

This page is written from the code: what cs-sync says when something is wrong, and what to do. A
name in capitals stands for what the message names: a file, a key, a record. Search the page for a
few words of your message. Messages that are put together from several parts are not listed.
"""
_GROUPS = {
    "ConfigError": "The configuration or the command (exit code 2)",
    "Problem": "Keys of the configuration file (exit code 2)",
    "StoreError": "The database (exit code 1)",
    "LeaseHeld": "Another run (exit code 1)",
    "CredentialRefused": "Keys of vendors",
    "PermissionMissing": "Scopes of vendors",
    "Unreachable": "Vendors without a usable response",
    "Throttled": "Quotas of vendors",
    "RequestRefused": "Requests that a vendor refused",
    "AnswerUnknown": "Writes without a response",
    "CsSyncError": "Others (exit code 1)",
}
_FOLDER = Path(cs_sync.__path__[0])
_NOT_FOR_USERS = {"testing", "scaffold"}


def render_messages() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION]
    by_error = collect_messages()
    for name, title in _GROUPS.items():
        if pairs := by_error.get(name):
            parts += [f"## {title}\n", *render_table(("message", "remedy"), sorted(pairs))]
    return "\n".join(parts)


def collect_messages() -> Mapping[str, set[tuple[str, str]]]:
    """Return the host's messages with their remedies, by error."""
    by_error: dict[str, set[tuple[str, str]]] = {name: set() for name in _GROUPS}
    for path in sorted(_FOLDER.rglob("*.py")):
        if _NOT_FOR_USERS.isdisjoint(path.relative_to(_FOLDER).parts):
            for name, message, remedy in _find_messages(ast.parse(path.read_text("utf-8"))):
                by_error[name].add((message, remedy))
    return by_error


def _find_messages(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Yield (error, message, remedy) of each error made of literal texts."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in _GROUPS and (name == "Problem" or hasattr(errors, name)):
                given = node.args[1:] if name == "Problem" else node.args
                texts = [
                    _write_text(constants.get(getattr(arg, "id", ""), arg)) for arg in given[:2]
                ]
                if texts and all(texts):
                    yield name, texts[0] or "", texts[1] or "" if len(texts) > 1 else ""


def _write_text(node: ast.expr) -> str | None:
    """Return a literal's text, with capitals for what is filled in.

    None for anything else.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_write_part(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _write_text(node.left), _write_text(node.right)
        return None if left is None or right is None else left + right
    return None


def _write_part(part: ast.expr) -> str:
    """Return literal text, or in capitals the filled-in name."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    value: ast.AST = part.value if isinstance(part, ast.FormattedValue) else part
    while isinstance(value, ast.Call) and value.args:  # of `", ".join(names)` the names
        value = value.args[0]
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute):
            return node.attr.strip("_").upper()
        if isinstance(node, ast.Name):
            return node.id.strip("_").upper()
    return "…"
