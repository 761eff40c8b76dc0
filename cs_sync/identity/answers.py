"""What a person said about records, ready to be asked of each record."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cs_sync.identity.facts import Answer, Ref

Side = tuple[int, int]
"""An answer that parts records, and on which side of it a record is."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Records that are one account, sides that records are on, and records of test accounts."""

    links: Sequence[tuple[Answer, tuple[Ref, ...]]] = ()
    sides: Mapping[Ref, frozenset[Side]] = field(default_factory=dict)
    linked: Mapping[Ref, Answer] = field(default_factory=dict)
    tests: frozenset[Ref] = frozenset()

    @property
    def parted(self) -> bool:
        """True when any answer parts records."""
        return bool(self.sides)


def answers_of(
    given: Iterable[Answer], present: Iterable[Ref], living: Mapping[Ref, Ref]
) -> Answers:
    """The answers by record; one that was merged away at the source is its survivor.

    `living` maps a merged record to the last one that it lives on in.
    """
    there = set(present)
    links, tests = [], set[Ref]()
    linked: dict[Ref, Answer] = {}
    sides: dict[Ref, set[Side]] = defaultdict(set)
    for answer in sorted(given, key=lambda one: one.number):
        followed = dict.fromkeys(living.get(ref, ref) for ref in answer.refs)
        refs = tuple(ref for ref in followed if ref in there)
        if answer.kind == "test":
            tests |= set(refs)
        elif answer.kind == "link":
            links.append((answer, refs))
            linked |= {ref: answer for ref in refs if ref not in linked}
        else:
            for side, ref in enumerate(refs):
                sides[ref].add((answer.number, side))
    return Answers(
        links, {ref: frozenset(found) for ref, found in sides.items()}, linked, frozenset(tests)
    )


def apart(ones: Iterable[Side], others: Iterable[Side]) -> bool:
    """True when an answer has these on two sides."""
    side_of = dict(ones)
    return any(side_of.get(answer, side) != side for answer, side in others)
