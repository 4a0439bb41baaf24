"""What the commands of ``python -m benchmark`` do, one module each; their options: `__main__`."""
