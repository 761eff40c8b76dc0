"""What the texts of a module's messages can be, followed through names, branches and helpers."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import product
from pathlib import Path

_MAX_TEXTS = 6
"""Of one expression; with more, what is filled in stays a name in capitals."""
_MAX_DEPTH = 6

Bound = Mapping[str, tuple[ast.expr, "SourceFile"]]
"""What a helper's parameters are at one of its calls, and in which module."""


class SourceFile:
    """A module of a package, with what the names in it stand for."""

    def __init__(self, path: Path, package: Path) -> None:
        self.path, self._package = path, package
        self.text = path.read_text("utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        """Node → the node around it."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> Mapping[str, ast.FunctionDef]:
        """Name → function or method of this module."""
        return {
            node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)
        }

    @cached_property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        """Name → class of this module."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    @cached_property
    def constants(self) -> Mapping[str, ast.expr]:
        """Name → value of each constant of the module."""
        return {
            target.id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }

    @cached_property
    def imports(self) -> Mapping[str, Path]:
        """Imported name → its module's file, of the same package."""
        return {
            alias.asname or alias.name: path
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for path in [self._package.parent / (node.module.replace(".", "/") + ".py")]
            if path.is_file()
            for alias in node.names
        }

    def follow(self, name: str) -> "SourceFile":
        """Return the module that defines a name.

        It is this one, or where the name is imported from.
        """
        path = self.imports.get(name)
        return self if path is None else read_source(path, self._package)

    def find_function(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the function around a node."""
        around = self._list_around(node)
        return next((each for each in around if isinstance(each, ast.FunctionDef)), None)

    def find_class(self, node: ast.AST) -> str:
        """Return the name of the class around a node, if any."""
        around = self._list_around(node)
        return next((each.name for each in around if isinstance(each, ast.ClassDef)), "")

    def _list_around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, the nearest first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def find_values(self, name: ast.Name) -> Sequence[ast.expr]:
        """Return what a local name may stand for where it is read."""
        node: ast.AST = name
        while node in self.parents and not isinstance(node, ast.FunctionDef | ast.Lambda):
            around = self.parents[node]
            for block in _list_blocks(around):
                if node in block:
                    values = _find_assigned(name.id, block[: block.index(node)])
                    if values:
                        return values
            node = around
        return []

    def list_users(self, function: str) -> Sequence["SourceFile"]:
        """List the modules that can call a function of this one."""
        private = function.startswith("_")
        paths = () if private else list_modules(self._package)
        sources = [read_source(path, self._package) for path in paths if path != self.path]
        importing = rf"\bimport [^#]*\b{function}\b"
        return [
            self,
            *(
                each
                for each in sources
                if function in each.text and re.search(importing, each.text)
            ),
        ]

    def list_calls(self, function: str) -> Iterator[ast.Call]:
        """Yield the calls of a function in this module."""
        for node in ast.walk(self.tree) if function in self.text else ():
            if isinstance(node, ast.Call) and get_called_name(node) == function:
                yield node


@cache
def list_modules(package: Path) -> Sequence[Path]:
    """List the modules of a package."""
    return sorted(package.rglob("*.py"))


@cache
def read_source(path: Path, package: Path) -> SourceFile:
    """Read a module of a package once."""
    return SourceFile(path, package)


def get_called_name(call: ast.Call) -> str:
    """Return the last name of what is called."""
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def list_texts(
    node: ast.expr, source: SourceFile, bound: Bound | None = None, depth: int = 0
) -> list[str]:
    """List what the text of an expression can be.

    What is filled in is named in capitals. Empty where it has no words of its own, as with another
    error's message.
    """
    bound = bound or {}
    if depth > _MAX_DEPTH:
        return []
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return _join_texts([_list_part(part, source, bound, depth) for part in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [list_texts(side, source, bound, depth + 1) for side in (node.left, node.right)]
        return _join_texts([texts or ["…"] for texts in sides]) if any(sides) else []
    if isinstance(node, ast.Name):
        return _list_named(node, source, bound, depth)
    if isinstance(node, ast.Call):
        return _list_called(node, source, bound, depth)
    return _unite(list_texts(branch, source, bound, depth + 1) for branch in _list_branches(node))


def name_filled_in(value: ast.AST) -> str:
    """Return the name in capitals of what is filled in."""
    while True:  # of `", ".join(names) or "none"` the names
        if isinstance(value, ast.Call) and value.args:
            value = value.args[0]
        elif isinstance(value, ast.BoolOp):
            value = value.values[0]
        elif isinstance(value, ast.IfExp):
            value = value.body
        else:
            break
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute):
            return node.attr.strip("_").upper()
        if isinstance(node, ast.Name):
            return node.id.strip("_").upper()
    return "…"


def _list_part(part: ast.expr, source: SourceFile, bound: Bound, depth: int) -> list[str]:
    """List the texts of a piece of an f-string.

    Its name in capitals where one is unknown.
    """
    if not isinstance(part, ast.FormattedValue):
        return list_texts(part, source, bound, depth + 1)
    texts = _list_words(part.value, source, bound, depth)
    return texts if 0 < len(texts) <= _MAX_TEXTS else [name_filled_in(part.value)]


def _list_words(value: ast.expr, source: SourceFile, bound: Bound, depth: int) -> list[str]:
    """List the texts of what is filled in.

    None where one of its branches is unknown.
    """
    if isinstance(value, ast.Constant | ast.JoinedStr):
        return list_texts(value, source, bound, depth + 1)
    branches = _list_branches(value)
    if isinstance(value, ast.Name):
        constant = source.follow(value.id).constants.get(value.id)
        known = [constant] if isinstance(constant, ast.Constant) else []
        if value.id in bound and not source.find_values(value):
            return _list_words(*bound[value.id], {}, depth + 1)
        branches = source.find_values(value) or known
    if depth > _MAX_DEPTH:
        return []
    lists = [_list_words(branch, source, bound, depth + 1) for branch in branches]
    return _unite(iter(lists)) if all(lists) else []


def _list_branches(node: ast.expr) -> Sequence[ast.expr]:
    if isinstance(node, ast.IfExp):
        return (node.body, node.orelse)
    return node.values if isinstance(node, ast.BoolOp) else ()


def _list_named(name: ast.Name, source: SourceFile, bound: Bound, depth: int) -> list[str]:
    """List the texts of a name: local, parameter, or constant."""
    values = source.find_values(name)
    if values:
        return _unite(list_texts(value, source, bound, depth + 1) for value in values)
    if name.id in bound:
        return list_texts(*bound[name.id], None, depth + 1)
    defined = source.follow(name.id)
    value = defined.constants.get(name.id)
    return [] if value is None else list_texts(value, defined, None, depth + 1)


def _list_called(call: ast.Call, source: SourceFile, bound: Bound, depth: int) -> list[str]:
    """List the texts of `"…".format(…)`, and of what a helper returns."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "format":
        fields = {word.arg: name_filled_in(word.value) for word in call.keywords if word.arg}
        texts = list_texts(call.func.value, source, bound, depth + 1)
        return [text.format_map(_Capitals(fields)) for text in texts]
    name = get_called_name(call)
    defined = source.follow(name)
    function = defined.functions.get(name)
    if function is None or isinstance(call.func, ast.Attribute):
        return []
    inner = bind_arguments(call, function, source)
    returned = [
        node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value
    ]
    return _unite(list_texts(value, defined, inner, depth + 1) for value in returned)


def bind_arguments(call: ast.Call, function: ast.FunctionDef, source: SourceFile) -> Bound:
    """Return parameter → argument of a call in a module."""
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    given = dict(zip(names, call.args, strict=False))
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    return {name: (value, source) for name, value in given.items()}


class _Capitals(dict[str, str]):
    """The fields of a template; one that is not named becomes its name in capitals."""

    def __missing__(self, key: str) -> str:
        return key.upper()


def _list_blocks(node: ast.AST) -> Iterator[list[ast.AST]]:
    """Yield the lists of statements of a compound statement."""
    for _, value in ast.iter_fields(node):
        if isinstance(value, list) and any(isinstance(item, ast.stmt) for item in value):
            yield value


def _find_assigned(name: str, statements: Sequence[ast.AST]) -> list[ast.expr]:
    """Find what a name was last given; every branch counts."""
    for statement in reversed(statements):
        if isinstance(statement, ast.Assign):
            values = [
                value
                for target in statement.targets
                for value in _match_target(name, target, statement.value)
            ]
            if values:
                return values
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            values = list(_match_target(name, statement.target, statement.value))
            if values:
                return values
        elif not isinstance(statement, ast.FunctionDef):
            blocks = [block for block in _list_blocks(statement) if not _is_left(block)]
            assigned = [value for block in blocks for value in _find_assigned(name, block)]
            if assigned:
                before = statements[: list(statements).index(statement)]
                return [*assigned, *_find_assigned(name, before)]
    return []


def _is_left(block: Sequence[ast.AST]) -> bool:
    """Return whether a block leaves what is around it."""
    return isinstance(block[-1], ast.Return | ast.Raise | ast.Continue)


def _match_target(name: str, target: ast.expr, value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple):
        values = value.elts if isinstance(value, ast.Tuple) else [value] * len(target.elts)
        for inner, given in zip(target.elts, values, strict=False):
            yield from _match_target(name, inner, given)


def _join_texts(parts: Sequence[Sequence[str]]) -> list[str]:
    """Join the texts of pieces without those that may be missing."""
    needed = [[""] if "" in texts else texts for texts in parts]
    return list(dict.fromkeys(_join_pieces(chosen) for chosen in product(*needed)))


def _join_pieces(pieces: Sequence[str]) -> str:
    """Join pieces; capitals right after a word become an ellipsis."""
    text = ""
    for piece in pieces:
        hidden = text[-1:].isalpha() and piece[:1].isalpha() and piece.isupper()
        text += "…" if hidden else piece
    return text


def _unite(lists: Iterator[list[str]]) -> list[str]:
    return list(dict.fromkeys(text for texts in lists for text in texts))
