"""Functions are short, and the first line of a docstring is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 48
MOST_WORDS = 12
Function = ast.FunctionDef | ast.AsyncFunctionDef


def list_functions() -> Iterator[tuple[str, Function]]:
    for folder in ("cs_sync", "plugins", "schemas", "examples"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if {"tests", "versions", "build", "node_modules"}.isdisjoint(path.parts):
                for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                    if isinstance(node, Function):
                        yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


@pytest.mark.slow("parses every file of the product")
def test_functions_and_first_lines_are_short() -> None:
    functions = list(list_functions())
    assert len(functions) > 4_000
    long = [name for name, each in functions if (each.end_lineno or 0) - each.lineno >= LONGEST]
    assert long == []
    first_lines = [
        (name, (ast.get_docstring(each) or "").split("\n")[0]) for name, each in functions
    ]
    wordy = [name for name, line in first_lines if len(line.split()) > MOST_WORDS]
    assert wordy == []
