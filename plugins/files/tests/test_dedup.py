"""Repeated keys are found in any order, with the place at which each stood first."""

from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from cs_sync_files.dedup import MOST_NEIGHBOURS, SeenKeys

PAGES = st.lists(
    st.lists(st.sampled_from([f"{letter}{n}" for letter in "abcdefé" for n in range(4)])),
    max_size=8,
)


@given(PAGES, st.booleans())
def test_repeated_keys_have_the_place_of_the_first(pages: list[list[str]], ordered: bool) -> None:
    if ordered:
        pages = sorted(pages)
    first: dict[str, tuple[str, int]] = {}
    line = 1
    with closing(SeenKeys()) as seen:
        for keys in pages:
            places = [("a.csv", line + at) for at in range(len(keys))]
            line += len(keys)
            expected = {at: first[key] for at, key in enumerate(keys) if key in first}
            for at, (key, place) in enumerate(zip(keys, places, strict=True)):
                if first.setdefault(key, place) != place:
                    expected[at] = first[key]
            assert seen.add(keys, places) == expected


def test_pages_in_any_order_are_looked_up_by_key() -> None:
    count = MOST_NEIGHBOURS + 3
    with closing(SeenKeys()) as seen:
        for page in range(count):
            keys = [f"{page + count * n:04}" for n in range(10)]
            places = [("a.csv", page * 10 + n) for n in range(10)]
            assert seen.add(keys, places) == {}
        assert seen.add(["0003", "x"], [("b.csv", 1), ("b.csv", 2)]) == {0: ("a.csv", 30)}
