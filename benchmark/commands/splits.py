"""Write the splits as text files, or check them."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from benchmark.paths import cache_dir
from benchmark.protocol.cells import grid
from benchmark.protocol.splits import manifest
from bgad.atomic import write_atomically
from bgad.data.folder import list_categories, load_category
from bgad.features import FeatureCache

__all__ = ["main"]


def main(options: Namespace) -> int:
    """Serve the command and return its exit status."""
    n_files, changed = 0, 0
    for path, text in _manifests(options):
        n_files += 1
        if path.is_file() and path.read_bytes() == text.encode():
            continue
        changed += 1
        if options.check:
            print(f"{path} would change")
        else:
            write_atomically(path, text.encode())
    agreeing = "agree: they are what the data give" if options.check else "were so already"
    print(f"{n_files - changed} of {n_files} files in {options.out} {agreeing}.")
    return 1 if options.check and changed else 0


def _manifests(options: Namespace) -> Iterator[tuple[Path, str]]:
    names = options.categories or list_categories(options.data_root)
    categories = {name: load_category(options.data_root, name) for name in names}
    cache = FeatureCache(cache_dir() / "features")
    types = {name: category.types for name, category in categories.items()}
    for cell in grid(options.dataset, types, [0], options.seeds, "any", options.setting):
        setting = f"hard-{cell.known_type}" if cell.known_type else cell.setting
        yield (
            options.out / cell.dataset / cell.category / f"{setting}_seed-{cell.seed}.txt",
            manifest(
                categories[cell.category],
                cell.dataset,
                cell.setting,
                options.shots,
                cell.seed,
                cell.known_type,
                cache.pixel_hashes(categories[cell.category]),
            ),
        )
