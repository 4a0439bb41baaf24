"""run_all.py that knows the method `instant`."""

import signal
import sys

if __name__ == "__main__":
    import instant  # noqa: F401

    from benchmark.__main__ import main

    # Tests may run in a shell's background, where it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(["run", *sys.argv[1:]]))
