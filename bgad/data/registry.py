"""The data sets that this project knows by name: what they are, and how many images they hold."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["DATASETS", "Dataset", "find_dataset"]

_BY_NC_SA = "CC BY-NC-SA 4.0"
_MVTEC_CATEGORIES = (
    "carpet",
    "grid",
    "leather",
    "tile",
    "wood",
    "bottle",
    "cable",
    "capsule",
    "hazelnut",
    "metal_nut",
    "pill",
    "screw",
    "toothbrush",
    "transistor",
    "zipper",
)


@dataclass(frozen=True)
class Dataset:
    """A data set, or one of the user's own of which nothing but the name is known.

    Attributes
    ----------
    name
        As given to ``--dataset``, and part of every split.
    label
        As shown in tables and texts; by default the name.
    licence, citation, url
        Whose it is, and on which terms; empty where unknown.
    layout
        In which its archive comes: "mvtec" needs no conversion, every other one is a layout of
        ``python -m bgad.data convert``.
    categories
        In the order in which tables list them; empty where any folder may be one.
    profile
        Name of the benchmark's default profile for it.
    is_synthetic
        Drawn by a program instead of photographed.
    """

    name: str
    label: str = ""
    licence: str = ""
    citation: str = ""
    url: str = ""
    layout: str = "mvtec"
    categories: tuple[str, ...] = ()
    profile: str = "cpu"
    is_synthetic: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.name)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Official number of images by category and folder, such as ``test/crack``.

        The folder ``test/*`` stands for all anomaly types together. Empty where nobody has stated
        the numbers.
        """
        return _counts().get(self.name, {})

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """Order categories as `categories` does; others follow by name."""
        places = {name: place for place, name in enumerate(self.categories)}
        return tuple(sorted(set(names), key=lambda name: (places.get(name, len(places)), name)))


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "mvtec_ad",
            "MVTec AD",
            _BY_NC_SA,
            "P. Bergmann, K. Batzner, M. Fauser, D. Sattlegger, C. Steger: The MVTec Anomaly "
            "Detection Dataset, IJCV 129(4):1038-1059, 2021, and CVPR 2019",
            "https://www.mvtec.com/research-teaching/datasets/mvtec-ad",
            categories=_MVTEC_CATEGORIES,
        ),
        Dataset(
            "visa",
            "VisA",
            "CC BY 4.0",
            "Y. Zou, J. Jeong, L. Pemula, D. Zhang, O. Dabeer: SPot-the-Difference "
            "Self-Supervised Pre-training for Anomaly Detection and Segmentation, ECCV 2022",
            "https://github.com/amazon-science/spot-diff",
            layout="visa",
            categories=(
                "candle",
                "capsules",
                "cashew",
                "chewinggum",
                "fryum",
                "macaroni1",
                "macaroni2",
                "pcb1",
                "pcb2",
                "pcb3",
                "pcb4",
                "pipe_fryum",
            ),
        ),
        Dataset(
            "kolektor",
            "KolektorSDD",
            _BY_NC_SA,
            "D. Tabernik, S. Šela, J. Skvarč, D. Skočaj: Segmentation-Based Deep-Learning "
            "Approach for Surface-Defect Detection, Journal of Intelligent Manufacturing "
            "31(3):759-776, 2020",
            "https://www.vicos.si/resources/kolektorsdd/",
            layout="kolektorsdd",
            categories=("kolektorsdd",),
        ),
        Dataset(
            "btad",
            "BTAD",
            "CC BY-SA",
            "P. Mishra, R. Verk, D. Fornasier, C. Piciarelli, G. L. Foresti: VT-ADL: A Vision "
            "Transformer Network for Image Anomaly Detection and Localization, ISIE 2021",
            "https://avires.dimi.uniud.it/papers/btad/btad.zip",
            layout="btad",
            categories=("01", "02", "03"),
        ),
        Dataset(
            "mpdd",
            "MPDD",
            _BY_NC_SA,
            "S. Jezek, M. Jonak, R. Burget, P. Dvorak, M. Skotak: Deep learning-based defect "
            "detection of metal parts: evaluating current methods in complex conditions, "
            "ICUMT 2021",
            "https://github.com/stepanje/MPDD",
            layout="mpdd",
            categories=(
                "bracket_black",
                "bracket_brown",
                "bracket_white",
                "connector",
                "metal_plate",
                "tubes",
            ),
        ),
        Dataset(
            "loco",
            "MVTec LOCO AD",
            _BY_NC_SA,
            "P. Bergmann, K. Batzner, M. Fauser, D. Sattlegger, C. Steger: Beyond Dents and "
            "Scratches: Logical Constraints in Unsupervised Anomaly Detection and Localization, "
            "IJCV 130(4):947-969, 2022",
            "https://www.mvtec.com/research-teaching/datasets/mvtec-loco-ad",
            layout="loco",
            categories=(
                "breakfast_box",
                "juice_bottle",
                "pushpins",
                "screw_bag",
                "splicing_connectors",
            ),
        ),
        Dataset(
            "synthetic",
            "synthetic stand-in",
            "MIT",
            categories=_MVTEC_CATEGORIES,
            profile="quick",
            is_synthetic=True,
        ),
    )
}
"""The known data sets by name."""


def find_dataset(name: str) -> Dataset:
    """Look up a data set; any other name is one of the user's own.

    Parameters
    ----------
    name
        As given to ``--dataset``.

    Examples
    --------
    >>> find_dataset("visa").label, find_dataset("my_parts").label
    ('VisA', 'my_parts')
    """
    return DATASETS.get(name) or Dataset(name)


@cache
def _counts() -> dict[str, dict[str, dict[str, int]]]:
    counts: dict[str, dict[str, dict[str, int]]] = {}
    with files("bgad.data").joinpath("official_counts.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            category = counts.setdefault(row["dataset"], {}).setdefault(row["category"], {})
            category[row["folder"]] = int(row["images"])
    return counts
