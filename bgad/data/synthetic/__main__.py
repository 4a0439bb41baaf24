"""Draw the contact sheet: `python -m bgad.data.synthetic contact-sheet [PATH] [--root DIR]`."""

import argparse
import tempfile
from pathlib import Path

from bgad.data.synthetic import contact_sheet, generate
from bgad.errors import InputError


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m bgad.data.synthetic", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser("contact-sheet")
    command.add_argument(
        "path",
        nargs="?",
        type=Path,
        metavar="PATH",
        default=Path("docs/synthetic_contact_sheet.webp"),
    )
    command.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="a folder generated before; by default a temporary one is made",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            print(contact_sheet(arguments.root or generate(scratch), arguments.path))
        except InputError as error:
            parser.error(str(error))


if __name__ == "__main__":
    main()
