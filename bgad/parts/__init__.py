"""From folders of parts to verdicts: the commands of ``python -m bgad``."""
