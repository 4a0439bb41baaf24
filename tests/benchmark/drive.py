"""run_all.py that knows the method `instant`."""

import sys

if __name__ == "__main__":
    import instant  # noqa: F401

    from benchmark.command import main

    sys.exit(main())
