"""Names of stickers, as people type them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

MOST_LETTERS = 24
_JOINERS = "\u200d\ufe0f"  # inside emoji
_SEPARATORS = ("Zl", "Zp")


class BadLabel(ValueError):
    """A name that is refused; the message says why and is shown to the person."""


def read_label(text: object, known: Iterable[str], reserved: str) -> str:
    """The name, tidied up; a known one when it differs from it only by upper and lower case.

    reserved: what the model answers as long as it knows nothing.  Raises BadLabel.
    """
    if not isinstance(text, str):
        raise BadLabel("the name is missing")
    name = " ".join(unicodedata.normalize("NFC", text[: 8 * MOST_LETTERS]).split())
    if not name:
        raise BadLabel("the name is empty")
    if len(name) > MOST_LETTERS or len(text) > 8 * MOST_LETTERS:
        raise BadLabel(f"the name is too long, expected at most {MOST_LETTERS} letters")
    for letter in name:
        kind = unicodedata.category(letter)
        if letter not in _JOINERS and (kind.startswith("C") or kind in _SEPARATORS):
            raise BadLabel("the name has a letter that cannot be shown")
    if name.casefold() == reserved.casefold():
        raise BadLabel(f"“{reserved}” is what the model says when it knows nothing; choose another name")
    same = (label for label in known if label.casefold() == name.casefold())
    return next(same, name)
