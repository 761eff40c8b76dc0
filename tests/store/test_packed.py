"""Packed texts: what is unpacked equals what was packed; what cannot be read says so."""

import re
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import Store
from cs_sync.store.fast.kept_results import (
    KeptResults,
    KeptUpdate,
    read_kept,
    save_kept,
    unpack_kept,
)
from cs_sync_sandbox.world import words
from cs_sync_schemas import packed
from cs_sync_schemas.packed import (
    DICTIONARY,
    Codec,
    UnreadableText,
    pack_headed,
    pack_text,
    unpack_bytes,
    unpack_head,
    unpack_text,
)
from tests.conftest import NOW

RESULT = '["green","100/1",[["usage","Active on 27 of the last 28 days","0/1"]],null,[],[]]'
HEADS = st.binary().map(lambda head: head.replace(b"\n", b""))


@pytest.fixture(scope="module")
def other() -> Codec:
    """A codec with another dictionary, as another version may have."""
    samples: list[bytes | bytearray | memoryview] = [
        f"sample {number} of another version {number % 7}".encode() for number in range(900)
    ]
    return Codec(zstandard.train_dictionary(1_024, samples).as_bytes())


@given(st.text())
def test_what_is_unpacked_equals_what_was_packed(text: str) -> None:
    assert unpack_text(pack_text(text)) == text
    assert pack_text(text) == pack_text(text.encode())


@given(HEADS.filter(bool), st.binary())
def test_a_head_stands_before_the_rest_and_is_read_alone(head: bytes, body: bytes) -> None:
    packed = pack_headed(head, body)
    assert unpack_head(packed) == head
    assert unpack_bytes(packed) == head + b"\n" + body


@given(st.data())
def test_a_damaged_text_is_never_read_as_another_one(data: st.DataObject) -> None:
    frame = bytearray(pack_text(RESULT * 3)[1:])
    place = data.draw(st.integers(0, len(frame) * 8 - 1))
    frame[place // 8] ^= 1 << place % 8
    try:
        read = unpack_text(b"\n" + frame)
    except UnreadableText:
        return
    assert read == RESULT * 3


@pytest.mark.parametrize(
    "written",
    [b"", b"\n", b"plain text", zlib.compress(RESULT.encode(), 1), pack_text(RESULT)[:-5]],
    ids=["nothing", "no frame", "plain", "of an older version", "cut off"],
)
def test_what_is_no_packed_text_is_named_with_the_remedy(written: bytes) -> None:
    with pytest.raises(UnreadableText):
        unpack_bytes(written)
    with pytest.raises(StoreError, match="DELETE FROM kept_result"):
        unpack_kept(written)


def test_many_threads_pack_at_once() -> None:
    texts = [RESULT * (1 + number % 9) + str(number) for number in range(2_000)]
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda text: unpack_text(pack_text(text)), texts))
    assert read == texts


def test_results_of_another_dictionary_are_not_kept_and_replaced(
    store: Store, other: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(before: bytes | None, *keys: str) -> None:
        contents = {key: pack_text(RESULT) for key in keys}
        with store.write() as connection:
            save_kept(connection, KeptUpdate("day", "basis", before, NOW, contents))

    def read() -> KeptResults:
        with store.read() as connection:
            return read_kept(connection, "day", "basis")

    with monkeypatch.context() as patch:
        patch.setattr(packed, "_CODEC", other)
        save(None, "a", "b")
        assert read().contents.keys() == {"a", "b"}
    assert read() == KeptResults()
    save(None, "b")
    assert {key: unpack_text(text) for key, text in read().contents.items()} == {"b": RESULT}


def test_the_dictionary_makes_a_result_smaller_by_a_third() -> None:
    assert len(pack_text(RESULT)) * 3 < len(zstandard.compress(RESULT.encode(), 3)) * 2


def test_the_dictionary_knows_nobody() -> None:
    """No name, address or sentence of Acme's people, of whose results it was trained."""
    text = DICTIONARY.read_bytes().decode("utf-8", "ignore").casefold()
    assert "no tickets in the last 30 days" in text, "it is searched where there is something"
    people = (*words.OWNERS, words.FORMER_OWNER, *words.AGENTS)
    names = {*words.FIRST_NAMES, *words.LAST_NAMES, *(name for pair in people for name in pair)}
    companies = {*words.FIRST_WORDS, *words.SECOND_WORDS}
    in_text = set("".join(each if each.isalpha() else " " for each in text).split())
    assert not in_text & {name.casefold() for name in names | companies}
    subjects = {subject for of_topic in words.TOPICS.values() for subject in of_topic}
    comments = {each for each in (*words.PRAISE, *words.SHRUGS, *words.COMPLAINTS) if each}
    for trace in subjects | comments | {*words.FREE_MAIL, ".example"}:
        assert trace.casefold() not in text, trace
    assert not re.search(r"\w@\w+\.\w", text)
