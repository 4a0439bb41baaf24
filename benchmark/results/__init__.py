"""What is known: stored results, and what follows from them."""
