"""Distinctive words of texts in any language, without stop words.

Chinese, Japanese and Thai have no spaces between words: there, every few characters in
a row count as a word. The stop word lists are short and our own: lists for search
engines also drop words such as "bill", "call" and "system", which customers mean.
"""

import re
from collections.abc import Iterator
from unicodedata import normalize

from msgspec import Struct

_IDEOGRAMS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_THAI = "\u0e00-\u0e7f"
_RUNS = re.compile(rf"[{_IDEOGRAMS}]+|[{_THAI}]+|[^\W\d_{_IDEOGRAMS}{_THAI}]+(?:['’][^\W\d_]+)?")
_CLAUSES = re.compile(r"[^.!?;:,()\[\]…、。！？；：，（）\n]+")
_CHARACTERS_PER_WORD = {"ideograms": 2, "thai": 4}
"""Characters that count as a word: most words of Chinese have two, of Thai three to five."""

_STOP_WORDS = """
a about after again all also am an and any are as at bad be because been before being but by can
can't could day days did do does doesn't doing don't down for from get gets good got great had has
have having he her here his how i i'm if in into is isn't it it's its just love me month months more
most much my nice no not of off on once one only or other our out over own please really said same
say says she should since so some still such than thank thanks that the their them then there these
they this those through to today too under until up us very was we week weeks were what when where
which while who why will with would year years you your

ale bo by był była było być co czy dla do gdy ich im ja jak jako je jest jeszcze już kiedy który
która które lub ma mam mi mnie na nam nas nasz nasza nasze nie nich niż od oraz po pod przez przy
sam się są ta tak tam te tego tej ten to tu tylko tym u w was we więc wszystko z za ze że żeby

acest această aici am ar are asta au avem că ca care ce cel cu cum dar de deci din după el ea ei
este eu fi foarte fost iar în îmi îl la le lui mai mea meu mi ne nici noastră nostru noi nu o pe
pentru prin sa să sau se sunt și tot un una unei unui va vă voastră

aber als am an auch auf aus bei bin bis bitte da das dass dem den der des die dies doch durch ein
eine einem einen einer er es für haben hat ich ihr ihre im in ist ja kann kein keine man mehr mein
mit nach nicht noch nur oder ohne schon sehr sein sich sie sind so über um und uns unser unsere
vom von vor war was wenn wie wir wird zu zum zur

au aux avec ce ces cette dans de des du elle en est et eux il ils je la le les leur lui ma mais
mes mon ne nos notre nous on ou par pas plus pour qu que qui sa se ses son sont sur ta te tes tout
très un une vos votre vous

al algo como con cuando de del desde donde el ella ellos en entre era es esa ese eso esta este esto
está la las les lo los más me mi muy nada no nos nuestra nuestro o para pero por porque que se ser
si sin sobre son su sus también te tiene todo tu un una uno y ya

我们 你们 他们 她们 没有 这个 那个 这些 那些 可以 因为 所以 但是 如果 还是 就是 不是 什么 一个
我們 你們 他們 沒有 這個 那個 這些 因為 所以 不是 什麼 一個 です ます した して いる ない から
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


class Token(Struct, frozen=True):
    """A distinctive word, lower-case, with its place in the text."""

    word: str
    start: int
    end: int


def extract_words(text: str) -> list[str]:
    """Extract a text's words without stop words, in order.

    They are lower-case.
    """
    return [token.word for clause in split_clauses(text) for token in clause]


def split_clauses(text: str) -> list[list[Token]]:
    """Return the words of each clause of a text, without stop words."""
    return [
        [token for token in _find_tokens(clause[0], clause.start()) if _is_distinctive(token.word)]
        for clause in _CLAUSES.finditer(text)
    ]


def find_clause_end(text: str, start: int) -> int:
    """Find the end of the clause at a place of a text."""
    rest = _CLAUSES.match(text, start)
    return start + len(rest[0].rstrip()) if rest else start


def _is_distinctive(word: str) -> bool:
    return len(word) > 1 and word not in STOP_WORDS


def _find_tokens(clause: str, offset: int) -> Iterator[Token]:
    for run in _RUNS.finditer(clause):
        size = _get_word_size(run[0][0]) or len(run[0])
        for n in range(max(1, len(run[0]) - size + 1)):
            piece = run[0][n : n + size]
            start = offset + run.start() + n
            word = normalize("NFKC", piece).casefold().replace("’", "'")
            yield Token(word, start, start + len(piece))


def _get_word_size(letter: str) -> int | None:
    if re.match(f"[{_THAI}]", letter):
        return _CHARACTERS_PER_WORD["thai"]
    return _CHARACTERS_PER_WORD["ideograms"] if re.match(f"[{_IDEOGRAMS}]", letter) else None
