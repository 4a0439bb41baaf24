"""The one exception for input that cannot be used."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Input that cannot be used: the message says what is wrong, where, and what to do.

    Command lines print the message alone and exit with status 2.
    """
