"""Compute metrics anew from what was saved beside results."""

import sys
from argparse import Namespace

from tabulate import tabulate

from benchmark.results.rescore import curves, rescore
from benchmark.results.store import Store
from bgad.errors import InputError

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    store = Store(options.results)
    rows, problems, changed, lacking = [], [], [], []
    for result in store.results():
        try:
            anew = rescore(store, result)
        except InputError as error:
            problems.append(str(error))
            continue
        if anew.lacking:
            names = ", ".join(anew.lacking)
            lacking.append(f"{store.path(result.cell)}: kept nothing to compute {names} from")
        for test_set, curve in curves(store, result).items():
            figures = anew.metrics[test_set].model_dump()
            limit = {f"aupro {options.aupro_limit:g}": curve.aupro(options.aupro_limit)}
            rows.append({"cell": str(result.cell), "test set": test_set} | figures | limit)
        if anew != result:
            changed.append(str(store.path(result.cell)))
            if options.write:
                store.write(anew)
    print(tabulate(rows, "keys", floatfmt=".4f", missingval="n/d"))
    for path in changed:
        print(f"{path}: metrics {'changed' if options.write else 'differ: --write stores them'}")
    for text in lacking:
        print(text)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0
