"""Answers in JSON Lines: folded as they arrive, of any size, and asked for again if cut short."""

import gzip
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from cs_sync.contracts.errors import CredentialRefused, Unreachable
from cs_sync.contracts.events import Event
from cs_sync.http import ManualClock, VendorHttp
from cs_sync.http.json_lines import split_lines, unpack_gzip

KEY = "-".join(("not", "a", "real", "key"))
LINES = b'{"n": 1}\n{"n": 2}\n'


class Bench:
    """A vendor that gives these answers, one after the other, and the client that asks it."""

    def __init__(self, *answers: Any) -> None:
        self.requests: list[httpx.Request] = []
        self.events: list[Event] = []
        given = iter(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            following = next(given)
            if isinstance(following, Exception):
                raise following
            made = following if isinstance(following, httpx.Response) else None
            return made or httpx.Response(200, content=following)

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        root = VendorHttp(
            "acme", emit=self.events.append, now=clock.now, sleep=clock.sleep, client=client
        )
        self.http = root.at("https://acme.example", headers={"Authorization": f"Bearer {KEY}"})

    def read(self) -> list[Any]:
        return self.http.fold_lines("/export", list, {"day": "2026-11-20"})


def test_each_line_is_a_document_and_blank_ones_are_none() -> None:
    bench = Bench(b'{"n": 1}\n\n{"text": "a \xe2\x80\xa8 separator"}\r\n[3]')
    assert bench.read() == [{"n": 1}, {"text": "a \u2028 separator"}, [3]]
    assert str(bench.requests[0].url) == "https://acme.example/export?day=2026-11-20"


def test_an_empty_answer_has_no_documents() -> None:
    assert Bench(b"").read() == []


@pytest.mark.parametrize(
    "lost",
    [
        LINES[:-4],
        b"export terminated early\n",
        gzip.compress(LINES, mtime=0)[:-9],
        httpx.Response(502),
        httpx.Response(429, headers={"Retry-After": "2"}),
        httpx.ReadError("reset"),
    ],
)
def test_what_is_not_whole_is_folded_anew(lost: Any) -> None:
    """No document of the lost answer counts."""
    assert Bench(lost, LINES).read() == [{"n": 1}, {"n": 2}]


def test_a_line_that_is_no_json_stands_in_the_error() -> None:
    with pytest.raises(Unreachable, match="is not JSON: export terminated early"):
        Bench(*[b"export terminated early"] * 6).read()


def test_a_fold_that_finds_the_answer_wanting_asks_again() -> None:
    def require_two(documents: Iterable[Any]) -> int:
        number = len(list(documents))
        if number < 2:
            raise Unreachable("fewer than two")
        return number

    bench = Bench(b"{}\n", LINES)
    assert bench.http.fold_lines("/export", require_two) == 2
    assert len(bench.requests) == 2


def test_a_refused_key_is_one() -> None:
    with pytest.raises(CredentialRefused, match="who are you"):
        Bench(httpx.Response(401, json={"message": "who are you?"})).read()


def test_gzip_of_several_members_is_unpacked_whole() -> None:
    packed = gzip.compress(LINES) + gzip.compress(b'{"n": 3}\n')
    assert Bench(packed).read() == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert b"".join(unpack_gzip([packed[:7], packed[7:]])) == LINES + b'{"n": 3}\n'


def test_half_a_character_and_numbers_that_json_does_not_know_are_repaired() -> None:
    assert Bench(b'{"a": "\\ud83d", "b": NaN}\n').read() == [{"a": "?", "b": "NaN"}]


def test_our_key_among_the_documents_is_masked_and_said() -> None:
    bench = Bench(f'{{"name": "{KEY}"}}\n{{"name": "\\u006e{KEY[1:]}"}}\n{{"n": 1}}\n'.encode())
    assert bench.read() == [{"name": "•••"}, {"name": "•••"}, {"n": 1}]
    assert [event.name for event in bench.events if "repeats the key" in str(event)] == ["warning"]


def test_lines_end_where_they_end_however_they_arrive() -> None:
    whole = b"one\ntwo\n\nthree"
    for size in range(1, len(whole) + 1):
        chunks = [whole[place : place + size] for place in range(0, len(whole), size)]
        assert list(split_lines(chunks)) == [b"one", b"two", b"", b"three"]


@pytest.mark.slow("measures 20 MB; the lines above are split as they come")
def test_an_export_is_not_kept_in_memory() -> None:
    """20 MB pass through in less than two."""

    class Stream(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(200):
                yield b'{"text": "' + b"x" * 1000 + b'"}\n'
                yield (b'{"text": "' + b"x" * 1000 + b'"}\n') * 100

    bench = Bench(httpx.Response(200, stream=Stream()))
    tracemalloc.start()
    number = bench.http.fold_lines("/export", lambda documents: sum(1 for _ in documents))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 200 * 101
    assert peak < 2 * 2**20
