"""Names of a package that are imported from their modules when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def make_name_loader(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Make a package's `__getattr__`, which imports a name from its module.

    So whoever needs one module of a package does not load all the others.

    Args:
        package: The package's name.
        homes: Module → the names that it defines, with spaces between.
    """
    home_of = {name: module for module, names in homes.items() for name in names.split()}

    def load_name(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home_of[name]), name)

    return load_name
