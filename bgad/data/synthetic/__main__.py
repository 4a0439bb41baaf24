"""Draw the contact sheet: `python -m bgad.data.synthetic contact-sheet [PATH] [--root DIR]`."""

import argparse
import tempfile
from pathlib import Path

from bgad.data.synthetic import contact_sheet, generate


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
    if arguments.root:
        print(contact_sheet(arguments.root, arguments.path))
        return
    with tempfile.TemporaryDirectory() as scratch:
        print(contact_sheet(generate(scratch), arguments.path))


if __name__ == "__main__":
    main()
