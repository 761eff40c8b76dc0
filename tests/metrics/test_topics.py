"""Free text grouped by topic."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.topics.factors import factorise_weights, weigh_words
from cs_sync.metrics.topics.forms import (
    merge_word_forms,
    name_topic,
    parse_texts,
    write_phrase,
)
from cs_sync.metrics.topics.group import Topic, Verbatim, find_topics
from cs_sync.metrics.topics.tokens import extract_words
from tests.examples import FEW
from tests.metrics.conftest import utc

pytestmark = pytest.mark.slow("imports SciPy, and scikit-learn beside it")

INVOICES = [
    "The invoice had the wrong amount", "Our invoice is always late", "Cannot find the invoice",
    "Invoice totals differ from the contract amount", "Please send the invoice by mail",
    "Wrong amount again on our invoice", "the invoice amount is not what we agreed",
    "Late invoice, late payment",
]  # fmt: skip
EXPORTS = [
    "The export to Excel is slow", "Export times out with many rows", "Slow export of reports",
    "Excel export breaks umlauts", "We need the export every day and it is slow",
    "Export of rows to Excel fails", "the excel export lost rows", "Slow, slow export",
]  # fmt: skip


def spoken(texts: list[str]) -> list[Verbatim]:
    return [Verbatim(f"a{n % 5}", utc(2026, 3, 1 + n), text) for n, text in enumerate(texts)]


def test_texts_are_grouped_by_what_they_are_about() -> None:
    actual = find_topics(spoken([*INVOICES, *EXPORTS]))
    by_word = {topic.words[0]: {v.text for v in topic.verbatims} for topic in actual if topic.words}
    assert set(by_word) == {"invoice", "excel export"}, "a quarter says it in these two words"
    assert by_word["invoice"] == set(INVOICES)
    assert by_word["excel export"] == set(EXPORTS)
    assert {topic.accounts for topic in actual} == {5}


@pytest.mark.parametrize("size", [12, 60, 400])
def test_weights_and_factors_are_those_of_scikit_learn(size: int) -> None:
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer

    random = Random(size)
    themes = [[f"{theme}{word}" for word in range(12)] for theme in "abcdefgh"]
    texts = [
        [*random.choices(random.choice(themes), k=6), f"z{random.randrange(size)}"]
        for _ in range(size)
    ]
    vectorizer = TfidfVectorizer(
        analyzer=list, min_df=2, max_df=max(2, size * 3 // 5), sublinear_tf=True
    )
    expected = vectorizer.fit_transform(texts)
    weights, words = weigh_words(texts)
    assert list(words) == list(vectorizer.get_feature_names_out())
    assert (weights.toarray() == expected.toarray()).all()
    count = max(2, min(24, size // 8))
    model = NMF(count, init="nndsvda", max_iter=2_000, tol=1e-3, random_state=0)
    by_text, by_word = factorise_weights(weights, count)
    assert by_text == pytest.approx(model.fit_transform(expected), abs=1e-9)
    assert by_word == pytest.approx(model.components_, abs=1e-9)


def test_every_text_is_in_one_topic_and_kept_as_it_was() -> None:
    comments = spoken([*INVOICES, *EXPORTS, "ok", "   "])
    kept = [v for topic in find_topics(comments) for v in topic.verbatims]
    assert sorted(v.text for v in kept) == sorted(v.text for v in comments if v.text.strip())


def test_order_and_chance_do_not_matter() -> None:
    comments = spoken([*INVOICES, *EXPORTS])
    mixed = list(comments)
    Random(3).shuffle(mixed)
    assert find_topics(mixed) == find_topics(comments)


@pytest.mark.parametrize("texts", [[], ["only one"], ["a", "b", "c", "d", "e", "f", "g"]])
def test_few_or_unlike_texts_are_left_together(texts: list[str]) -> None:
    comments = spoken(texts)
    assert find_topics(comments) == ([Topic((), tuple(comments))] if comments else [])


def test_the_most_typical_comes_first_with_scores_and_detractors() -> None:
    """Three NPS answers of 2, 6 and 10 of 10, and a CSAT of 4 of 5 that is 7.5 of 10: a mean of
    25.5 ÷ 4, and two of three who answered the NPS detract."""
    scores = [("nps", 2.0), ("nps", 6.0), ("nps", 10.0), ("csat", 7.5), ("ticket", None)]
    comments = [
        Verbatim(f"a{n}", utc(2026, 3, 1), "invoice amount", kind, score=score)
        for n, (kind, score) in enumerate(scores)
    ]
    topic = Topic(("invoice",), tuple(comments))
    assert topic.mean_score == 25.5 / 4
    assert topic.detractor_share == 2 / 3
    assert Topic((), tuple(comments[3:])).detractor_share is None
    assert Topic((), tuple(comments[4:])).mean_score is None
    assert topic.account_ids == ("a0", "a1", "a2", "a3", "a4")
    invoices = next(
        item for item in find_topics(spoken([*INVOICES, *EXPORTS])) if "invoice" in item.words
    )
    assert {"invoice", "amount"} <= set(extract_words(invoices.verbatims[0].text))


def test_forms_of_a_word_are_one_word() -> None:
    texts = [["export", "slow"], ["exports", "export"], ["exported"], ["close"], ["closing", "gas"]]
    assert merge_word_forms(texts) == {
        "exports": "export",
        "exported": "export",
        "closing": "close",
    }
    assert merge_word_forms([["发票"], ["发票s"], ["cat"], ["cats"]]) == {}, "too short to tell"


def named(ranked: list[str], texts: list[str], most: int = 3) -> list[str]:
    parsed = parse_texts(texts)
    return [write_phrase(phrase, parsed) for phrase in name_topic(ranked, parsed, most)]


def test_a_topic_is_named_by_what_stands_together() -> None:
    """Three of five say "lost connection"; "again" is said once beside it."""
    texts = ["Lost connection", "lost connection!", "Lost: the lost connection"]
    texts += ["Connection, again", "Sync is lost"]
    assert named(["connection", "lost", "sync"], texts) == ["lost connection"]
    assert named(["connection", "sync"], texts[3:]) == ["connection"], "no second is in two texts"


def test_a_phrase_is_whole_and_written_as_people_write_it() -> None:
    """Small words stay inside, sentences do not run together, abbreviations keep their letters."""
    texts = ["Dashboard takes a minute to load"] * 4 + ["Exports just work. Love it."]
    assert named(["minute", "load"], texts) == ["dashboard takes a minute to load"]
    assert named(["work"], texts[4:] * 2) == ["exports just work"]
    assert named(["vat"], ["Wrong VAT id", "VAT id is missing"]) == ["VAT id"]
    assert named(["nothing"], ["Import says done but nothing is there"] * 2) == [
        "import says done but nothing is there"
    ]


def test_scripts_without_spaces_give_whole_words_too() -> None:
    """Pieces of two or four characters grow as long as the texts agree."""
    assert named(["金额"], ["发票金额不对", "我们的发票金额"]) == ["发票金额"]
    assert named(["ใบแจ"], ["ใบแจ้งหนี้ผิด", "ไม่พบใบแจ้งหนี้"]) == ["ใบแจ้งหนี้"]


def test_each_text_has_a_word_of_its_topic() -> None:
    """The odd ones are not put where they fit least badly."""
    odd = ["Lovely people", "Blue or green"]
    actual = find_topics(spoken([*INVOICES, *EXPORTS, *odd]))
    assert [v.text for v in actual[-1].verbatims] == odd
    assert actual[-1].words == ()
    for topic in actual[:-1]:
        words = {word for name in topic.words for word in extract_words(name)}
        assert all(words & set(extract_words(v.text)) for v in topic.verbatims)


OTHERS = {
    "polish": (
        ["Faktura ma złą kwotę", "Znowu zła faktura", "Faktura przyszła za późno"] * 3,
        ["Eksport jest zbyt wolny", "Wolny eksport do Excela", "Eksport gubi wiersze"] * 3,
    ),
    "chinese": (
        ["发票金额不对", "我们的发票总是迟到", "请把发票寄给我们"] * 3,
        ["导出到表格很慢", "导出失败了", "每天都要导出数据"] * 3,
    ),
    "thai": (
        ["ใบแจ้งหนี้ผิด", "ใบแจ้งหนี้มาช้า", "ไม่พบใบแจ้งหนี้"] * 3,
        ["ส่งออกช้ามาก", "ส่งออกไม่สำเร็จ", "ต้องการส่งออกทุกวัน"] * 3,
    ),
}


@pytest.mark.parametrize("language", OTHERS)
def test_other_languages_and_scripts_are_grouped_too(language: str) -> None:
    first, second = map(set, OTHERS[language])
    actual = [topic for topic in find_topics(spoken([*first, *second] * 3)) if topic.words]
    assert len(actual) >= 2
    for topic in actual:
        texts = {v.text for v in topic.verbatims}
        assert texts <= first or texts <= second


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The bill is wrong, again: 2 × the AMOUNT!", ["bill", "wrong", "amount"]),
        ("I can’t find it", ["find"]),
        ("Die Rechnung ist falsch", ["rechnung", "falsch"]),
        ("发票不对", ["发票", "票不", "不对"]),
        ("😀 … 42 ___", []),
    ],
)
def test_words_that_tell_nothing_are_left_out(text: str, words: list[str]) -> None:
    assert extract_words(text) == words


@FEW
@given(
    st.lists(st.sampled_from(["", " ", "0", "AA", "AB", "AA AB", "发票", "กขคง", "é"]), max_size=25)
)
def test_any_texts_at_all_are_kept_whole(texts: list[str]) -> None:
    comments = [Verbatim(None, utc(2026, 3, 1), text) for text in texts]
    kept = sorted(v.text for topic in find_topics(comments) for v in topic.verbatims)
    assert kept == sorted(text for text in texts if text.strip())
