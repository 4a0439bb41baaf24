"""Run a grid of cells and rewrite the README's tables: ``python -m benchmark run``, see --help."""

import sys

if __name__ == "__main__":  # also imported by each worker
    from benchmark.__main__ import main

    sys.exit(main(["run", *sys.argv[1:]]))
