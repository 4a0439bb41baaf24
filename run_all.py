"""Run a grid of cells and rewrite the README's tables: see ``python run_all.py --help``."""

import sys

if __name__ == "__main__":  # also imported by each worker
    from benchmark.command import main

    sys.exit(main())
