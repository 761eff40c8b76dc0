"""One language's way to put things: sentences by key, and the values in them."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from cs_sync.words.catalogue import Language, Message, read_catalogue
from cs_sync_schemas.money import CURRENCY_EXPONENT

_LOCALES: Mapping[Language, str] = {"zh-Hans": "zh_Hans_CN", "zh-Hant": "zh_Hant_TW"}


class Words:
    """The messages of a language; `words("key", field="…")` fills one in.

    With `n` the form that the language has for this number is taken, and {n} is the number.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._locale = Locale.parse(_LOCALES.get(language, language))
        self._messages = read_catalogue(language)

    def __call__(self, key: str, /, n: int | None = None, **fields: str) -> str:
        """The text of a message. Raises KeyError for an unknown key or a field that is missing."""
        message = self._messages[key]
        if n is not None:
            fields["n"] = self.number(n)
        return self._form(message, n).format_map(fields)

    def _form(self, message: Message, n: int | None) -> str:
        if isinstance(message, str):
            return message
        if n == 0 and "zero" in message:
            return message["zero"]
        form = self._locale.plural_form(0 if n is None else n)
        return message.get(form, message["other"])

    def number(self, value: float, decimals: int = 1) -> str:
        """`3`, `5.5`: at most so many decimals, without trailing noughts."""
        return self._decimal(Decimal(f"{value:.{decimals}f}"), "#,##0." + "#" * decimals)

    def percent(self, share: float, decimals: int = 0) -> str:
        """`78%` from a fraction, with just so many decimals."""
        digits = "#,##0" + ("." + "0" * decimals if decimals else "")
        pattern = str(self._locale.percent_formats[None].pattern).replace("#,##0", digits)
        return self._decimal(Decimal(f"{share:.{decimals + 2}f}"), pattern)

    def money(self, amount: int, currency: str) -> str:
        """`1,250.00 EUR` from minor units."""
        exponent = CURRENCY_EXPONENT.get(currency, 2)
        digits = "#,##0" + ("." + "0" * exponent if exponent else "")
        return f"{self._decimal(Decimal(amount).scaleb(-exponent), digits)} {currency}"

    def mrr(self, amounts: Mapping[str, int]) -> str:
        """All currencies of an MRR in a row."""
        return " + ".join(self.money(amount, code) for code, amount in sorted(amounts.items()))

    def day(self, day: date, today: date) -> str:
        """`12 Nov`, with the year when it is not today's."""
        pattern = self("format.day" if day.year == today.year else "format.day_of_year")
        return _date_text(day, pattern, self._locale)

    def instant(self, local: datetime, today: date) -> str:
        """`12 Nov, 14:05` from a local time."""
        day = self.day(local.date(), today)
        return self("format.instant", day=day, time=f"{local:%H:%M}")

    def band(self, name: str | None) -> str:
        """A health band; one of another name is said as it is."""
        key = f"band.{name}"
        return self(key) if key in self._messages else str(name)

    def keys(self) -> frozenset[str]:
        """Every message there is."""
        return frozenset(self._messages)

    def _decimal(self, value: Decimal, pattern: str) -> str:
        return _decimal_text(value, pattern, self._locale)


# The same few days and counts come back for every account: they are put into words once.
@lru_cache(maxsize=4096)
def _date_text(day: date, pattern: str, locale: Locale) -> str:
    return format_date(day, pattern, locale)


@lru_cache(maxsize=4096)
def _decimal_text(value: Decimal, pattern: str, locale: Locale) -> str:
    return format_decimal(value, pattern, locale)


@lru_cache
def words_in(language: Language) -> Words:
    """The words of a language."""
    return Words(language)


ENGLISH = words_in("en")
