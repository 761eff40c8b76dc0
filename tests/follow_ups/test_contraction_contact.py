"""The contact after an account began to pay less."""

from datetime import timedelta

from tests.follow_ups.views import NOW, at, drafts, movement, view


def test_a_contraction_is_contacted_within_a_day() -> None:
    (contact,) = drafts("contraction_contact", view(movements=(movement(reason="too_expensive"),)))
    assert contact.title == "Contact Acme: MRR fell by 25.00 EUR"
    assert contact.occasion == "2025-11-20T12:05:00+00:00"
    assert contact.due_at == at(21)
    assert "- 25.00 EUR less per month: an add-on was removed (too expensive)" in contact.body
    assert contact.evidence[0]["amount"] == 2_500


def test_currencies_of_one_instant_are_one_contact() -> None:
    moves = (movement(currency="USD", amount=100), movement(), movement(at=at(19)))
    contacts = drafts("contraction_contact", view(movements=moves))
    assert [contact.title for contact in contacts] == [
        "Contact Acme: MRR fell by 25.00 EUR", "Contact Acme: MRR fell by 25.00 EUR + 1.00 USD",
    ]  # fmt: skip


def test_other_movements_and_old_or_future_ones_are_left_alone() -> None:
    moves = [movement(kind) for kind in ("new", "expansion", "churn", "reactivation")]
    moves.append(movement(at=NOW - timedelta(days=14, seconds=1)))
    moves.append(movement(at=NOW + timedelta(hours=1)))
    assert drafts("contraction_contact", view(movements=tuple(moves))) == []
    wider = drafts("contraction_contact", view(movements=tuple(moves)), max_age_days=15)
    assert len(wider) == 1


def test_a_currency_without_decimals() -> None:
    (contact,) = drafts(
        "contraction_contact", view(movements=(movement(currency="JPY", amount=12_000),))
    )
    assert contact.title.endswith("12,000 JPY")
