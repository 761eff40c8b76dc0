"""Translations of follow-ups and reasons: messages, numbers, money and dates."""

from cs_sync.i18n.catalogue import LANGUAGES, Language
from cs_sync.i18n.translator import ENGLISH, Translator, get_translator

__all__ = ["ENGLISH", "LANGUAGES", "Language", "Translator", "get_translator"]
