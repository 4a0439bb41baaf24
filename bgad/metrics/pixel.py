"""Pixel metrics from one pass over a test set's maps, kept as counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from bgad.errors import InputError
from bgad.metrics.maps import check, choose, read

__all__ = [
    "F1",
    "PixelCurve",
    "pixel_curve",
    "pixel_metrics",
]

_EIGHT_CONNECTED = np.ones((3, 3), int)


class F1(NamedTuple):
    """An F1 score, and the threshold at and above which pixels are called anomalous."""

    value: float
    threshold: float


@dataclass(frozen=True, eq=False)
class PixelCurve:
    """All that pixel metrics need to know of a test set, in the size of its anomalous pixels.

    Recall, F1 and the per-region overlap change, or are maximal, at scores of anomalous pixels
    alone; so it is enough to know, at each such score (an edge), how many anomalous pixels have it
    and how many normal pixels lie below it. Counts of normal pixels add across batches of images.

    Attributes
    ----------
    edges : ndarray, shape (E,)
        Distinct scores of anomalous pixels, and given thresholds, ascending, in the scores' dtype.
    positives : ndarray of int64, shape (E,)
        Anomalous pixels with exactly this score.
    weights : ndarray of float64, shape (E,)
        Sum of 1 / area of their region over these pixels.
    negatives_below, negatives_up_to : ndarray of int64, shape (E,)
        Normal pixels with a score less than, and at most, this one.
    negatives : int
        Normal pixels in all.
    regions : int
        8-connected anomalous regions in all.
    """

    edges: np.ndarray
    positives: np.ndarray
    weights: np.ndarray
    negatives_below: np.ndarray
    negatives_up_to: np.ndarray
    negatives: int
    regions: int

    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which `from_state` makes an equal curve: what to keep in an npz file."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> "PixelCurve":
        """Make the curve again from `state`, or from an opened npz file of it."""
        arrays = {field.name: state[field.name] for field in fields(cls)}
        scalars = {name: int(arrays[name]) for name in ("negatives", "regions")}
        return cls(**arrays | scalars)

    def auroc(self) -> float | None:
        """Area under the ROC curve in [0, 1]; None without anomalous or without normal pixels."""
        pairs = int(self.positives.sum()) * self.negatives
        if not pairs:
            return None
        # Twice the number of pairs in the right order, a tie counting half: an exact integer.
        twice = int(self.positives @ (self.negatives_below + self.negatives_up_to))
        return twice / (2 * pairs)

    def average_precision(self) -> float | None:
        """Mean precision over anomalous pixels in [0, 1]; None without anomalous pixels.

        The precision at a pixel is that of calling anomalous all pixels of at least its score
        (scikit-learn's ``average_precision_score``).
        """
        if not self.positives.any():
            return None
        hits, called = self._called()
        precision = np.divide(hits, called, out=np.zeros(len(hits)), where=called > 0)
        return float(self.positives @ precision / self.positives.sum())

    def f1_max(self) -> F1 | None:
        """Greatest F1 over all thresholds; None without anomalous pixels.

        The threshold is chosen with the test set's truth: an oracle.
        """
        if not self.positives.any():
            return None
        hits, called = self._called()
        f1 = 2 * hits / np.maximum(called + self.positives.sum(), 1)
        # The last of equals is an anomalous pixel's score, whatever thresholds were given.
        best = len(f1) - 1 - int(f1[::-1].argmax())
        return F1(float(f1[best]), float(self.edges[best]))

    def f1_at(self, threshold: float) -> float | None:
        """F1 of calling anomalous all pixels above a threshold; None without anomalous pixels.

        Raises
        ------
        InputError
            The threshold was not given when the curve was made.
        """
        value = self.edges.dtype.type(threshold)
        edge = int(np.searchsorted(self.edges, value))
        if edge == len(self.edges) or self.edges[edge] != value:
            raise InputError(f"threshold {threshold} must be given when the curve is made")
        total = int(self.positives.sum())
        if not total:
            return None
        hits = int(self.positives[edge + 1 :].sum())
        called = hits + self.negatives - int(self.negatives_up_to[edge])
        return 2 * hits / (called + total)

    def aupro(self, limit: float = 0.3) -> float | None:
        """Area under the per-region-overlap curve up to a false-positive rate, over that rate.

        Parameters
        ----------
        limit : float
            Greatest false-positive rate, in (0, 1]; the curve is interpolated there.

        Returns
        -------
        float or None
            In [0, 1]; None without anomalous or without normal pixels.

        Notes
        -----
        Bergmann et al., IJCV 129 (2021), section 5.1: the overlap is the mean over regions of
        their share that is called anomalous.
        """
        if not 0 < limit <= 1:
            raise InputError(f"the false-positive limit must lie in (0, 1], got {limit}")
        if not self.regions or not self.negatives:
            return None
        overlap = np.cumsum(self.weights[::-1]) / self.regions
        before = np.concatenate([[0.0], overlap[:-1]])
        # Each edge adds two corners: before and after its own pixels are called anomalous.
        kept = np.stack([self.negatives_up_to, self.negatives_below], axis=1)[::-1]
        rates = (self.negatives - kept) / self.negatives
        x = np.concatenate([[0.0], rates.ravel(), [1.0]])
        y = np.concatenate([[0.0], np.stack([before, overlap], axis=1).ravel(), [overlap[-1]]])
        inside = np.searchsorted(x, limit, side="right")
        at_limit = np.interp(limit, x, y)
        x, y = np.append(x[:inside], limit), np.append(y[:inside], at_limit)
        area = np.diff(x) @ (y[1:] + y[:-1]) / 2
        return float(min(1.0, area / limit))

    def roc(self) -> tuple[np.ndarray, np.ndarray]:
        """False- and true-positive rates at falling edges, each of shape (E,).

        Raises
        ------
        InputError
            There are no anomalous or no normal pixels.
        """
        self._check_both_classes()
        hits, called = self._called()
        return (called - hits)[::-1] / self.negatives, hits[::-1] / self.positives.sum()

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray]:
        """Precision and recall at falling edges, each of shape (E,).

        Raises
        ------
        InputError
            There are no anomalous or no normal pixels.
        """
        self._check_both_classes()
        hits, called = self._called()
        return hits[::-1] / np.maximum(called[::-1], 1), hits[::-1] / self.positives.sum()

    def _check_both_classes(self) -> None:
        if not (self.positives.any() and self.negatives):
            raise InputError("a curve is undefined without anomalous or without normal pixels")

    def _called(self) -> tuple[np.ndarray, np.ndarray]:
        """Anomalous pixels, and all pixels, of at least each edge's score."""
        hits = np.cumsum(self.positives[::-1])[::-1]
        return hits, hits + self.negatives - self.negatives_below


def pixel_curve(
    maps: np.ndarray,
    masks: np.ndarray,
    thresholds: Sequence[float] = (),
    images: Sequence[int] | np.ndarray | None = None,
) -> PixelCurve:
    """Count a test set's pixels.

    Parameters
    ----------
    maps : ndarray of float, shape (N, H, W)
        Anomaly maps, larger is more anomalous; possibly memory-mapped.
    masks : ndarray of bool, shape (N, H, W)
        True where anomalous.
    thresholds : sequence of float
        At which `PixelCurve.f1_at` is to be asked; rounded to the maps' dtype.
    images : sequence of int, or of N bool, optional
        Which of the N images count; all if absent.

    Returns
    -------
    PixelCurve

    Raises
    ------
    InputError
        Shapes that differ, dtypes other than these, images that aren't there, a map with NaN or
        infinite values, or a threshold that is NaN.
    """
    check(maps, masks)
    thresholds = np.asarray(thresholds, maps.dtype)
    if np.isnan(thresholds).any():
        raise InputError("a threshold is undefined (NaN)")
    chosen = choose(images, len(maps))
    scores, areas, regions = [np.empty(0, maps.dtype)], [np.empty(0)], 0
    for image in chosen:
        if masks[image].any():
            areas_here, count = region_areas(masks[image])
            scores.append(maps[image][masks[image]])
            areas.append(areas_here)
            regions += count
    normals = (rows[~masks[batch]] for batch, rows in read(maps, chosen))
    return count_pixels(np.concatenate(scores), np.concatenate(areas), regions, normals, thresholds)


def count_pixels(
    scores: np.ndarray,
    areas: np.ndarray,
    regions: int,
    normals: Iterable[np.ndarray],
    thresholds: np.ndarray | Sequence[float] = (),
) -> PixelCurve:
    """Count pixels of which only the scores are left.

    Parameters
    ----------
    scores : ndarray of float, shape (P,)
        Of anomalous pixels.
    areas : ndarray, shape (P,)
        Anomalous pixels in the region of each.
    regions : int
        How many regions there are.
    normals : iterable of ndarray of float
        Scores of normal pixels, some at a time.
    thresholds : sequence of float
        At which `PixelCurve.f1_at` is to be asked.
    """
    edges = np.unique(np.concatenate([scores, np.asarray(thresholds, scores.dtype)]))
    places = np.searchsorted(edges, scores)
    below = np.zeros(len(edges), np.int64)
    up_to = np.zeros(len(edges), np.int64)
    negatives = 0
    for batch in normals:
        # Sorting the many makes the search for the few run through memory in order.
        normal = np.sort(batch)
        below += np.searchsorted(normal, edges, side="left")
        up_to += np.searchsorted(normal, edges, side="right")
        negatives += len(normal)
    return PixelCurve(
        edges=edges,
        positives=np.bincount(places, minlength=len(edges)).astype(np.int64),
        weights=np.bincount(places, 1 / areas, minlength=len(edges)),
        negatives_below=below,
        negatives_up_to=up_to,
        negatives=negatives,
        regions=regions,
    )


def region_areas(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Area of its 8-connected region for each anomalous pixel of a mask, and their number."""
    labelled, count = ndimage.label(mask, _EIGHT_CONNECTED)
    of_pixel = labelled[mask]
    return np.bincount(of_pixel)[of_pixel], count


def pixel_metrics(
    curve: PixelCurve, boundary_threshold: float | None = None
) -> dict[str, float | None]:
    """The five pixel metrics; None where undefined.

    Parameters
    ----------
    curve : PixelCurve
        Made with `boundary_threshold` among its thresholds.
    boundary_threshold : float, optional
        The explicit boundary on maps; None leaves its F1 undefined.
    """
    f1 = curve.f1_max()
    return {
        "pixel_auroc": curve.auroc(),
        "pixel_ap": curve.average_precision(),
        "pixel_f1_max": None if f1 is None else f1.value,
        "pixel_f1_boundary": (
            None if boundary_threshold is None else curve.f1_at(boundary_threshold)
        ),
        "aupro_30": curve.aupro(0.3),
    }
