"""What one would use instead of BGAD, on the same features, cells and metrics."""
