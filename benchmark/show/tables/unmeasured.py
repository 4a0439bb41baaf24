"""What stands in place of figures that no command has measured yet."""

from benchmark.show.document import Code, Note, Section

__all__ = ["unmeasured"]


def unmeasured(title: str, command: str) -> Section:
    """Section that names the command that measures its figures."""
    return Section(title, (Note("Not measured yet: ", Code(command), " does it."),))
