"""Where the cells of a field stand in a row, and what picks them."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

Place = int | str | tuple[str, tuple[int, ...]] | None
"""The index of a cell, a constant, (what joins, the indices of the cells to join), or nowhere."""


def make_picker(places: Sequence[Place], width: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what picks these cells of a row, which may lack some."""
    indices = [place for place in places if isinstance(place, int)]
    if len(indices) < len(places):
        return partial(_pick_cells, places)
    if len(indices) == 1:
        quick: Callable[[Sequence[Any]], Sequence[Any]] = itemgetter(
            slice(indices[0], indices[0] + 1)
        )
    else:
        quick = itemgetter(*indices)
    return lambda cells: quick(cells) if len(cells) == width else _pick_cells(places, cells)


def _pick_cells(places: Sequence[Place], cells: Sequence[Any]) -> tuple[Any, ...]:
    return tuple([_pick_cell(place, cells) for place in places])


def _pick_cell(place: Place, cells: Sequence[Any]) -> Any:
    if isinstance(place, int):
        return cells[place] if place < len(cells) else None
    if isinstance(place, tuple):
        join, indices = place
        parts = [
            str(cells[at]).strip() for at in indices if at < len(cells) and cells[at] is not None
        ]
        return join.join(part for part in parts if part) or None
    return place
