"""Photo-session control, which tells whether training and test normals can be told apart.

Where they can, new normal images are not exchangeable with the training ones, and no threshold that
is fixed on training normals can promise a rate of false alarms on them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from bgad.errors import InputError
from bgad.features import EncodedImages

__all__ = ["SessionControl", "session_control"]

_FOLDS = 10
_RIDGE = 1.0  # relative to the mean variance of a standardised feature
_LEAST = 5  # images of each kind


@dataclass(frozen=True)
class SessionControl:
    """How well a probe tells training from test normals.

    Attributes
    ----------
    auroc
        Cross-validated, in [0, 1]; about 0.5 if they come from one population.
    null
        The same for labels permuted at random, shape (permutations,).
    """

    auroc: float
    null: np.ndarray

    @property
    def p_value(self) -> float:
        """Share of the null with at least this AUROC, this one included; exact in (0, 1]."""
        return float((1 + (self.null >= self.auroc).sum()) / (1 + len(self.null)))


def session_control(
    train: EncodedImages, test: EncodedImages, permutations: int = 999, seed: int = 0
) -> SessionControl:
    """Measure whether a linear probe on frozen features tells two sets of normal images apart.

    A ridge regression of the label on each image's mean and standard deviation of every channel of
    every level, 10-fold cross-validated. Under exchangeability every assignment of the labels is
    equally likely given the features, so that the permutation null is exact.

    Parameters
    ----------
    train, test : EncodedImages
        Normal images; at least five of each.
    permutations : int
        Of the labels, for the null.
    seed : int
        Of folds and permutations.

    Raises
    ------
    InputError
        If there are fewer images.
    """
    if min(len(train), len(test)) < _LEAST:
        raise InputError(
            f"the session control needs {_LEAST} training and {_LEAST} test normals, got "
            f"{len(train)} and {len(test)}"
        )
    rng = np.random.default_rng(seed)
    labels = np.repeat([0.0, 1.0], [len(train), len(test)])
    shuffled = rng.permuted(np.tile(labels, (permutations, 1)), axis=1)
    all_labels = np.vstack([labels, shuffled]).T
    folds = rng.permutation(len(labels)) % _FOLDS
    features = np.concatenate([_describe(train), _describe(test)])
    auroc = _auroc(_cross_validated(features, all_labels, folds), all_labels)
    return SessionControl(float(auroc[0]), auroc[1:])


def _describe(images: EncodedImages) -> np.ndarray:
    """Mean and standard deviation over the positions of each channel: (N, D)."""
    parts = []
    for level in images.levels:
        for statistic in (np.mean, np.std):
            parts.append(np.stack([statistic(x, axis=(0, 1), dtype=np.float64) for x in level]))
    return np.concatenate(parts, axis=1)


def _cross_validated(features: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Held-out predictions of a ridge regression with free intercept, for each column of labels.

    One hat matrix H serves all folds and labels: with fold K held out, the residual of K is
    (1 - H_KK)^-1 times that of the fit to all.
    """
    x = features - features.mean(axis=0)
    x /= np.maximum(x.std(axis=0), 1e-12)
    kernel = x @ x.T / x.shape[1]
    n = len(x)
    hat = np.linalg.solve(kernel + _RIDGE * np.eye(n), kernel) + 1 / n
    residual = labels - hat @ labels
    predictions = np.empty_like(labels)
    for fold in np.unique(folds):
        held = folds == fold
        block = np.eye(held.sum()) - hat[np.ix_(held, held)]
        predictions[held] = labels[held] - np.linalg.solve(block, residual[held])
    return predictions


def _auroc(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each column, ties counted half."""
    positives = labels.sum(axis=0)
    ranks = (rankdata(scores, axis=0) * labels).sum(axis=0)
    return (ranks - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))
