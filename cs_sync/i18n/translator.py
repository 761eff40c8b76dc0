"""Translation into one language: messages by key, and the values in them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from cs_sync.i18n.catalogue import Language, Message, read_catalogue
from cs_sync_schemas.money import get_exponent, to_major_units

_DURATIONS = (
    (172_800, 86_400, "day", 1),
    (3600, 3600, "hour", 1),
    (60, 60, "minute", 0),
    (0, 1, "second", 0),
)
"""From so many seconds on, in a unit of so many seconds, its name and decimals."""
_LOCALES: Mapping[Language, str] = {"zh-Hans": "zh_Hans_CN", "zh-Hant": "zh_Hant_TW"}


SHORT_FROM = 100
"""Units of a currency from which titles leave out fractions, as they do where there are none."""


class Translator:
    """The messages of a language; `translator("key", field="…")` fills one in.

    With `n` the plural form of the language for this number is taken; {n} is the number.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._locale = Locale.parse(_LOCALES.get(language, language))
        self._messages = read_catalogue(language)
        # The same few days and counts come back for every account: each is put into words once.
        self._format_number = lru_cache(maxsize=4096)(partial(_format_number, locale=self._locale))
        self._format_date = lru_cache(maxsize=4096)(partial(_format_date, locale=self._locale))

    @property
    def locale(self) -> Locale:
        """The locale of the language, for Babel's formats."""
        return self._locale

    def __call__(self, key: str, /, n: int | None = None, **fields: str) -> str:
        """Return the text of a message.

        Args:
            key: The dotted key of the message.
            n: The number that selects the plural form.
            **fields: The texts of the fields in braces.

        Raises:
            KeyError: The key is unknown, or a field is missing.
        """
        message = self._messages[key]
        if n is not None:
            fields["n"] = self.number(n)
        return self._select_form(message, n).format_map(fields)

    def _select_form(self, message: Message, n: int | None) -> str:
        if isinstance(message, str):
            return message
        if n == 0 and "zero" in message:
            return message["zero"]
        form = self._locale.plural_form(0 if n is None else n)
        return message.get(form, message["other"])

    def number(self, value: float, decimals: int = 1) -> str:
        """Format a number without trailing zeros: `3`, `5.5`."""
        return self._format_number(f"{value:.{decimals}f}", "#,##0." + "#" * decimals)

    def decimal(self, value: float, decimals: int) -> str:
        """Format a number with a fixed number of decimals: `5.0`."""
        digits = "#,##0" + ("." + "0" * decimals if decimals else "")
        return self._format_number(f"{value:.{decimals}f}", digits)

    def percent(self, share: float, decimals: int = 0) -> str:
        """Format a fraction as a percentage with fixed decimals: `78%`."""
        digits = "#,##0" + ("." + "0" * decimals if decimals else "")
        pattern = str(self._locale.percent_formats[None].pattern).replace("#,##0", digits)
        return self._format_number(f"{share:.{decimals + 2}f}", pattern)

    def format_money(self, amount: float, currency: str | None) -> str:
        """Format an amount in minor units: `1,250.00 EUR`."""
        exponent = get_exponent(currency)
        digits = "#,##0" + ("." + "0" * exponent if exponent else "")
        text = self._format_number(str(to_major_units(amount, currency)), digits)
        return f"{text} {currency}" if currency else text

    def format_short_money(self, amount: int, currency: str) -> str:
        """Format an amount in minor units, shortly.

        From 100 units on without fractions: `1,250 EUR`.
        """
        units = to_major_units(amount, currency)
        if abs(units) < SHORT_FROM and units != int(units):
            return self.format_money(amount, currency)
        return f"{self._format_number(str(units), '#,##0')} {currency}"

    def mrr(self, amounts: Mapping[str, int]) -> str:
        """Format MRR currency by currency: `10.00 EUR + 5.00 USD`."""
        return " + ".join(
            self.format_money(amount, code) for code, amount in sorted(amounts.items())
        )

    def enumeration(self, items: Sequence[str]) -> str:
        """Format a list: `usage, tickets, and invoices`."""
        return str(format_list(list(items), locale=self._locale))

    def day(self, day: date, today: date) -> str:
        """Format a date, as `12 Nov`.

        With the year if it is not this year's.
        """
        pattern = self("format.day" if day.year == today.year else "format.day_of_year")
        return self._format_date(day, pattern)

    def full_date(self, day: date) -> str:
        """Format a date with its year: `12 Nov 2026`."""
        return self._format_date(day, self("format.day_of_year"))

    def format_month(self, day: date) -> str:
        """Format the month of a day: `Nov 2026`."""
        return str(format_skeleton("yMMM", day, locale=self._locale))

    def format_moment(self, at: datetime) -> str:
        """Format a time with date and offset: `12 Nov 2026, 14:05 +01:00`."""
        offset = f"{at:%z}"
        zone = {"": "", "+0000": " UTC"}.get(offset, f" {offset[:3]}:{offset[3:]}")
        return self("format.instant", day=self.full_date(at.date()), time=f"{at:%H:%M}{zone}")

    def format_duration(self, seconds: float) -> str:
        """Format seconds in their largest unit.

        `12 sec`, `3 min`, `5.2 hr`, `2 days`.
        """
        size, unit, decimals = next(row[1:] for row in _DURATIONS if seconds >= row[0])
        amount = round(seconds / size, decimals)
        whole = int(amount) if amount == int(amount) else amount
        return str(format_unit(whole, f"duration-{unit}", "short", locale=self._locale))

    def instant(self, local: datetime, today: date) -> str:
        """Format a local time: `12 Nov, 14:05`."""
        day = self.day(local.date(), today)
        return self("format.instant", day=day, time=f"{local:%H:%M}")

    def band(self, name: str | None) -> str:
        """Translate a health band; return an unknown one unchanged."""
        return self.find(f"band.{name}", str(name))

    def find(self, key: str, default: str) -> str:
        """Return a message without fields, or a default."""
        return self(key) if key in self._messages else default

    def keys(self) -> frozenset[str]:
        """Return the keys of all messages."""
        return frozenset(self._messages)


def _format_date(day: date, pattern: str, locale: Locale) -> str:
    return format_date(day, pattern, locale)


def _format_number(number: str, pattern: str, locale: Locale) -> str:
    return format_decimal(Decimal(number) + 0, pattern, locale)  # zero has no sign


@lru_cache
def get_translator(language: Language) -> Translator:
    """Return the translator of a language; one per language is cached."""
    return Translator(language)


ENGLISH = get_translator("en")
