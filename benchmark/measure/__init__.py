"""What the suite itself costs: speed, overhead, demonstration pictures."""
