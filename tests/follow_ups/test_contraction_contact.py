"""The contact after an account began to pay less."""

from datetime import timedelta

import pytest

from tests.follow_ups.views import NOW, at, drafts, invoice, movement, view


def test_a_contraction_is_contacted_within_a_day() -> None:
    less = movement(reason="too_expensive", amount=40_000)
    (contact,) = drafts("contraction_contact", view(movements=(less,)))
    assert contact.title == "Call Acme: pays 400 EUR less a month"
    assert contact.occasion == "2025-11-20T12:05:00+00:00"
    assert contact.due_at == at(21)
    assert "Since 20 Nov they pay 400.00 EUR less a month, 25% of their MRR:" in contact.body
    assert "- an add-on was removed (too expensive)" in contact.body
    assert contact.evidence[0]["amount"] == 40_000


def test_currencies_of_one_instant_are_one_contact() -> None:
    moves = (movement(currency="USD", amount=100), movement(amount=40_000),
             movement(at=at(19), amount=40_000))  # fmt: skip
    contacts = drafts("contraction_contact", view(movements=moves))
    assert [contact.title for contact in contacts] == [
        "Call Acme: pays 400 EUR + 1 USD less a month", "Call Acme: pays 400 EUR less a month",
    ]  # fmt: skip


def test_other_movements_and_old_or_future_ones_are_left_alone() -> None:
    moves = [
        movement(kind, amount=40_000) for kind in ("new", "expansion", "churn", "reactivation")
    ]
    moves.append(movement(at=NOW - timedelta(days=14, seconds=1), amount=40_000))
    moves.append(movement(at=NOW + timedelta(hours=1)))
    assert drafts("contraction_contact", view(movements=tuple(moves))) == []
    wider = drafts("contraction_contact", view(movements=tuple(moves)), max_age_days=15)
    assert len(wider) == 1


def test_a_currency_without_decimals() -> None:
    (contact,) = drafts(
        "contraction_contact", view(movements=(movement(currency="JPY", amount=12_000),))
    )
    assert "pays 12,000 JPY less" in contact.title


@pytest.mark.parametrize(
    ("lost", "pays", "priority"),
    [
        (1_500, 17_500, None),  # 15.00 of 190.00: neither large nor a tenth
        (3_800, 28_500, "low"),  # 38.00 of 323.00: 12 %, below a fifth of the median
        (9_500, 13_300, "medium"),  # 95.00: a fifth to a half of the median
        (30_000, 900_000, "high"),  # 300.00 of 9,300.00: 3 %, and a lot of money
        (1_000, 500, None),  # two thirds of 15.00: a trifle
    ],
)
def test_money_and_share_decide_whether_and_how_urgently(
    lost: int, pays: int, priority: str | None
) -> None:
    """The customers' median MRR is 350.00: half of it is 175.00, a fifth 70.00."""
    seen = view(movements=(movement(amount=lost),), mrr={"EUR": pays}, typical_mrr=350.0)
    assert [draft.priority for draft in drafts("contraction_contact", seen)] == (
        [priority] if priority else []
    )
    assert len(drafts("contraction_contact", seen, share=0.01, amount=0)) == 1


def test_a_subscription_that_went_unpaid_is_told_once() -> None:
    """By its invoice where there is one, as a contraction else."""
    unpaid = movement(amount=40_000, cause="payment")
    assert drafts("contraction_contact", view(movements=(unpaid,), invoices=(invoice(),))) == []
    assert len(drafts("contraction_contact", view(movements=(unpaid,)))) == 1
