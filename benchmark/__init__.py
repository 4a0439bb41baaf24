"""The benchmark of BGAD: grid, splits, runner, results store, tables, report."""
