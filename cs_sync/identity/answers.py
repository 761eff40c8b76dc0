"""A person's answers about records, indexed by record."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from cs_sync.identity.facts import Answer, RecordRef

Side = tuple[int, int]
"""An answer that parts records, and on which side of it a record is."""


class AnswerIndex(Struct, frozen=True):
    """Linked records, sides of split records, and records of test accounts."""

    links: Sequence[tuple[Answer, tuple[RecordRef, ...]]] = ()
    sides: Mapping[RecordRef, frozenset[Side]] = field(default_factory=dict)
    linked: Mapping[RecordRef, Answer] = field(default_factory=dict)
    tests: frozenset[RecordRef] = frozenset()

    @property
    def has_splits(self) -> bool:
        """Whether any answer splits records."""
        return bool(self.sides)


def index_answers(
    answers: Iterable[Answer], present: Iterable[RecordRef], living: Mapping[RecordRef, RecordRef]
) -> AnswerIndex:
    """Index the answers by record.

    A merged record is replaced by its survivor.

    Args:
        given: The answers.
        present: The records to keep.
        living: Merged record → its final survivor.
    """
    present_refs = set(present)
    links, tests = [], set[RecordRef]()
    linked: dict[RecordRef, Answer] = {}
    sides: dict[RecordRef, set[Side]] = defaultdict(set)
    for answer in sorted(answers, key=lambda item: item.number):
        followed = dict.fromkeys(living.get(ref, ref) for ref in answer.refs)
        refs = tuple(ref for ref in followed if ref in present_refs)
        if answer.kind == "test":
            tests |= set(refs)
        elif answer.kind == "link":
            links.append((answer, refs))
            linked |= {ref: answer for ref in refs if ref not in linked}
        else:
            for side, ref in enumerate(refs):
                sides[ref].add((answer.number, side))
    return AnswerIndex(
        links, {ref: frozenset(members) for ref, members in sides.items()}, linked, frozenset(tests)
    )


def are_split(ones: Iterable[Side], others: Iterable[Side]) -> bool:
    """Return whether an answer puts these on different sides."""
    side_of = dict(ones)
    return any(side_of.get(answer, side) != side for answer, side in others)
