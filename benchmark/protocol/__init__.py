"""What a number means: cells, splits, profiles, interventions, and the schema of results."""
