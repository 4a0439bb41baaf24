"""Truth that vanishes: anomalies that are smaller than a pixel at the model's image size."""

from collections.abc import Iterable

from bgad.data.folder import Sample
from bgad.data.images import Size, as_shape
from bgad.errors import InputError

__all__ = ["check_truth", "vanished"]


def vanished(samples: Iterable[Sample], size: Size, rule: str = "nearest") -> tuple[Sample, ...]:
    """Find the anomalous images whose masks mark no pixel any more.

    They count as anomalous in figures of images, and as normal in figures of pixels.

    Parameters
    ----------
    samples
        Those without a mask and the normal ones are passed over.
    size, rule
        Size and rule of the reduction, see `bgad.data.masks.read_mask`.
    """
    return tuple(s for s in samples if s.mask_paths and not s.truth(size, rule).any())


def check_truth(known: Iterable[Sample], size: Size, rule: str = "nearest") -> None:
    """Make sure that each known anomaly has an anomalous pixel to learn from.

    Parameters
    ----------
    known
        Anomalous samples.
    size, rule
        As in `vanished`.

    Raises
    ------
    InputError
        Naming the first image that has no mask, or whose mask marks nothing at that size.
    """
    shape = " x ".join(map(str, as_shape(size)))
    for sample in known:
        if not sample.truth(size, rule).any():
            raise InputError(
                f"{sample.mask_paths[0]}: marks no pixel at {shape} px, so that nothing can be "
                f"learnt from the known anomaly {sample.name}: use a larger image size, mark the "
                "anomaly more generously, or leave the image out"
            )
