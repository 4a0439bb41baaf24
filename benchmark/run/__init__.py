"""How cells are computed: one cell, plans, workers, notebooks."""
