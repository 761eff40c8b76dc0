"""What follow-ups and reasons say, in the reader's language: messages, numbers, money and days."""

from cs_sync.words.catalogue import LANGUAGES, Language
from cs_sync.words.words import ENGLISH, Words, words_in

__all__ = ["ENGLISH", "LANGUAGES", "Language", "Words", "words_in"]
