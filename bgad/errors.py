"""The one exception for input that cannot be used."""

import difflib
from collections.abc import Iterable

__all__ = ["InputError", "did_you_mean"]


class InputError(ValueError):
    """Input that cannot be used: the message says what is wrong, where, and what to do.

    Command lines print the message alone and exit with status 2.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is nearest to another; nothing where none is near.

    Examples
    --------
    >>> "unknown category 'screws'" + did_you_mean("screws", ["pill", "screw"])
    "unknown category 'screws' (did you mean 'screw'?)"
    """
    words = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(word.lower(), words, 1, cutoff=0.7)
    is_other = nearest and words[nearest[0]] != word
    return f" (did you mean {words[nearest[0]]!r}?)" if is_other else ""
