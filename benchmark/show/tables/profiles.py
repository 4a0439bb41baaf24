"""The profiles that belong to no study."""

from benchmark.protocol.catalogue import profile_names
from benchmark.show.document import Section, Table

__all__ = ["section"]


def section() -> Section:
    """Table of profiles: name, method, what each is."""
    from benchmark.protocol.profiles import load_profile  # needs torch

    profiles = [load_profile(name) for name in profile_names()]
    rows = [(p.name, p.method, p.description) for p in profiles if p.study is None]
    return Section("Profiles", (Table(["Profile", "Method", "What it is"], rows),))
