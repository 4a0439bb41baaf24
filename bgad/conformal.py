"""Verdicts with a bounded share of false alarms, from the scores of normal images that are new."""

import math
from typing import Any, NamedTuple

import numpy as np

from bgad.errors import InputError

__all__ = ["Calibrated", "Prediction", "check_calibration", "p_values", "score_threshold"]


class Prediction(NamedTuple):
    """What a detector says of N images.

    Attributes
    ----------
    scores : ndarray of float32, shape (N,)
        Larger is more anomalous.
    p_values : ndarray of float64, shape (N,)
        See `p_values`.
    defective : ndarray of bool, shape (N,)
        Where the p-value is at most the share of false alarms asked for.
    maps : ndarray of float32, shape (N, H, W)
    """

    scores: np.ndarray
    p_values: np.ndarray
    defective: np.ndarray
    maps: np.ndarray


def p_values(calibration: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Rank of images among normal ones that are new to a detector, too.

    Parameters
    ----------
    calibration : ndarray, shape (m,)
        Scores of normal images.
    scores : ndarray, shape (N,)

    Returns
    -------
    ndarray of float64, shape (N,)
        ``(1 + number of calibration scores >= score) / (m + 1)``. Of a normal image that is
        exchangeable with the m ones, it is at most a with a probability of at most a, whatever the
        detector (split-conformal prediction; Vovk et al., Algorithmic Learning in a Random World,
        2005; Bates et al., Annals of Statistics 2023, arXiv 2104.08279).
    """
    beyond = len(calibration) - np.searchsorted(np.sort(calibration), scores, side="left")
    return (1 + beyond) / (len(calibration) + 1)


def check_calibration(count: int, false_alarms: float) -> None:
    """Make sure that so many calibration scores can tell a share of false alarms.

    Raises
    ------
    InputError
        It is no share between 0 and 1, or they are too few: even the most anomalous image's p-value
        would be larger.
    """
    if not 0 < false_alarms < 1:
        raise InputError(f"false_alarms must lie between 0 and 1, got {false_alarms}")
    needed = math.ceil(round(1 / false_alarms - 1, 6))
    if count < needed:
        raise InputError(
            f"at most {false_alarms:.2%} of false alarms take {needed} normal images to calibrate, "
            f"there are {count}: give more, or ask for {1 / (count + 1):.2%} or more"
        )


def score_threshold(calibration: np.ndarray, false_alarms: float = 0.05) -> float:
    """Score beyond which an image's p-value is at most `false_alarms`.

    Parameters
    ----------
    calibration : ndarray, shape (m,)
        Scores of normal images.
    false_alarms : float
        In (0, 1).

    Raises
    ------
    InputError
        As `check_calibration`.

    Examples
    --------
    >>> float(score_threshold(np.arange(40.0)))  # one of 41 may be above, two may not
    38.0
    """
    check_calibration(len(calibration), false_alarms)
    allowed = int(round(false_alarms * (len(calibration) + 1), 6))
    return float(np.sort(calibration)[-allowed])


class Calibrated:
    """What scores images, and knows scores of normal images that are new to it.

    Attributes
    ----------
    boundary_threshold_ : float
        Map value above which a pixel is called anomalous.
    calibration_scores_ : ndarray of float32, shape (m,), or None
        Of these normal images; None where there are none.
    """

    boundary_threshold_: float
    calibration_scores_: np.ndarray | None

    def maps_and_scores(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps, float32, (N, H, W), and image scores, float32, (N,)."""
        raise NotImplementedError

    def predict(self, images: Any, false_alarms: float = 0.05) -> Prediction:
        """Call images normal or defective.

        Parameters
        ----------
        images : any form of `bgad.inputs.as_images`
        false_alarms : float
            Share of normal images that may be called defective: an upper bound as long as they are
            exchangeable with the normal images held out in `fit` (same parts, light and camera).
            With cross-fitted `calibration_scores_` it is a close estimate, not a bound.

        Returns
        -------
        Prediction

        Raises
        ------
        InputError
            There are no calibration scores, or too few for so small a share.
        """
        self.score_threshold(false_alarms)  # refuses what can't be promised before images are read
        maps, scores = self.maps_and_scores(images)
        ranks = p_values(self.calibration_scores_, scores)
        return Prediction(scores, ranks, ranks <= false_alarms, maps)

    def score_threshold(self, false_alarms: float = 0.05) -> float:
        """Score beyond which `predict` calls an image defective.

        Raises
        ------
        InputError
            As of `predict`.
        """
        if self.calibration_scores_ is None:
            raise InputError(
                f"this {type(self).__name__} knows no score of a normal image that is new to it: "
                "fit it with held_out=0.2"
            )
        return score_threshold(self.calibration_scores_, false_alarms)
