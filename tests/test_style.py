"""Functions are short, the first line of a docstring is, and names say what they hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cs_sync

ROOT = Path(__file__).parents[1]
LONGEST = 48
MOST_WORDS = 12
VAGUE = {"told", "said", "found", "one", "mine", "there"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def list_modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if {"versions", "build", "node_modules"}.isdisjoint(path.parts):
                yield path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))


def list_functions() -> Iterator[tuple[str, Function]]:
    for path, module in list_modules("cs_sync", "plugins", "schemas", "examples"):
        if "tests" not in path.parts:
            for node in ast.walk(module):
                if isinstance(node, Function):
                    yield f"{path}:{node.lineno} {node.name}", node


def name_variable(node: ast.AST) -> str | None:
    """Return the name that a node gives to a variable, a parameter or a function."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, Function) else None


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


@pytest.mark.slow("parses every file")
def test_no_variable_has_a_name_that_says_nothing() -> None:
    vague = [
        f"{path}:{node.lineno} {name}"
        for path, module in list_modules(
            "cs_sync", "plugins", "schemas", "examples", "tests", "benchmarks"
        )
        for node in ast.walk(module)
        if (name := name_variable(node)) in VAGUE
        if isinstance(node, ast.expr | ast.arg | Function)
    ]
    assert vague == []


@pytest.mark.slow("parses every file of the product")
def test_only_what_others_use_is_a_dataclass() -> None:
    """A struct is defined and made in a tenth of the time: decision 0282."""
    inside = {
        node.name
        for path, module in list_modules("cs_sync")
        if path.parts[1] not in {"api", "contracts", "testing"}
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
        if any("dataclass" in ast.unparse(each) for each in node.decorator_list)
    }
    rows_of_the_api = {"BridgeRow", "KpiRow"}
    assert inside - {*cs_sync.__all__} == rows_of_the_api
