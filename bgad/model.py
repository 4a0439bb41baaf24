"""BGAD: fit, anomaly maps, save and load."""

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from einops import rearrange
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.nn.functional import interpolate

from bgad.anomaly_map import anomaly_maps
from bgad.backbone import Backbone
from bgad.boundary import NORMALIZER, explicit_boundary
from bgad.density import LevelDensity
from bgad.errors import InputError
from bgad.features import EncodedImages, encode
from bgad.flow import ConditionalFlow
from bgad.inputs import as_images, as_masks
from bgad.standardisation import (
    FOLDS,
    STANDARDISATIONS,
    Standardisation,
    StandardisationEstimate,
)
from bgad.synthesis import cut_paste
from bgad.training import Anomalies, Training, train_level

__all__ = ["BGAD"]

_FORMAT = "bgad-1"  # of saved models
_BATCH = 16  # images encoded and scored at once
_TIED = 0.01  # share of images at most whose scores may be the same by chance


class BGAD:
    """Boundary-guided anomaly detector.

    Frozen backbone features of three levels, a conditional flow for each, trained on normal
    images and, if there are any, a few known anomalies with masks, whose features an explicit
    boundary keeps apart from the normal ones (Yao et al., CVPR 2023, arXiv 2207.01463).

    Parameters
    ----------
    backbone : str
        timm model name, see `bgad.backbone.Backbone`.
    image_size : int
        Side in pixels to which images are resized, and of the anomaly maps.
    weights : str or Path, optional
        State-dict file of the backbone; "random" for an untrained one.
    n_blocks, condition_dim : int
        Couplings of each flow, and channels of the position encoding.
    standardisation : str
        "gaussian", "whitening", "position", "channel" or "none", see
        `bgad.standardisation.StandardisationEstimate`.
    cut_paste : int
        Anomalous images made by RandAugment CutPaste from the known ones; a batch draws half of
        its anomalous images from them. 0 for none.
    seed : int
        Initialisation and batches.
    augment_seed : int, optional
        RandAugment CutPaste; `seed` if absent.
    device : str
        Torch device.
    n_jobs : int
        Levels trained at the same time, each on a thread of its own; the result is the same.
    **training
        Fields of `bgad.training.Training`.

    Attributes
    ----------
    maxima_ : list of float
        Per level, the greatest log-likelihood of a training-normal vector.
    boundaries_ : list of float
        Per level, the explicit boundary over all training normals (log-likelihood per channel).
    calibration_scores_ : ndarray, shape (N,), or None
        Image scores of the training normals as if they were new, see Notes; None with fewer than
        five of them, and in a loaded model.
    history_ : list of dict of ndarray
        Per level, the training curves of `bgad.training.train_level`.

    Notes
    -----
    Maxima, boundaries and calibration scores are cross-fitted: what standardises a training normal
    is estimated from four of five folds of them, without its own, whose features it would fit too
    well. The flows are those trained on all.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    >>> model = BGAD(image_size=64, steps=(5, 5, 5)).fit(images)
    >>> model.anomaly_maps(images).shape
    (8, 64, 64)
    """

    version: ClassVar[int] = 3
    """Raised whenever the same parameters and images come to give other maps."""

    added: ClassVar[Mapping[str, Any]] = {}
    """Parameters newer than `version`, and their values at which maps are those from before."""

    def __init__(
        self,
        backbone: str = "tf_efficientnet_lite0",
        image_size: int = 256,
        weights: str | Path | None = None,
        n_blocks: int = 8,
        condition_dim: int = 128,
        standardisation: str = "whitening",
        cut_paste: int = 64,
        seed: int = 0,
        augment_seed: int | None = None,
        device: str = "cpu",
        n_jobs: int = 1,
        **training: Any,
    ):
        unknown = set(training) - {field.name for field in fields(Training)}
        if unknown:
            raise InputError(f"BGAD knows no parameter {', '.join(sorted(unknown))}")
        if standardisation not in STANDARDISATIONS:
            raise InputError(
                f"standardisation must be one of {STANDARDISATIONS}, got {standardisation!r}"
            )
        if condition_dim < 4 or condition_dim % 4:
            raise InputError(f"condition_dim must be a multiple of 4, got {condition_dim}")
        for name, value, least in (
            ("n_blocks", n_blocks, 1),
            ("cut_paste", cut_paste, 0),
            ("n_jobs", n_jobs, 1),
            ("seed", seed, 0),
            ("augment_seed", augment_seed or 0, 0),
        ):
            if value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
        self.backbone, self.image_size = backbone, image_size
        self.weights = None if weights is None else str(weights)
        self.n_blocks, self.condition_dim = n_blocks, condition_dim
        self.standardisation, self.cut_paste = standardisation, cut_paste
        self.seed, self.augment_seed = seed, seed if augment_seed is None else augment_seed
        self.device, self.n_jobs = device, n_jobs
        self.training = Training(**training)

    def get_params(self) -> dict[str, Any]:
        """All keyword arguments it was made with, defaults included."""
        names = [name for name in signature(type(self)).parameters if name != "training"]
        return {name: getattr(self, name) for name in names} | asdict(self.training)

    @property
    def encoder(self) -> Backbone:
        """The frozen backbone, made at first use."""
        if not hasattr(self, "_encoder"):
            self._encoder = Backbone(self.backbone, self.image_size, self.weights, self.device)
        return self._encoder

    def fit(
        self,
        normal: Any,
        anomalous: Any = None,
        masks: Any = None,
        after_step: Callable[[int, int, LevelDensity], None] | None = None,
    ) -> "BGAD":
        """Train on normal images and known anomalies.

        Parameters
        ----------
        normal : EncodedImages, or any form of `bgad.inputs.as_images`
        anomalous : the same, optional
            Known anomalies.
        masks : any form of `bgad.inputs.as_masks`
            One for each known anomaly.
        after_step : callable, optional
            Called with level, number of steps done on it, and its density as it is then; with
            `n_jobs` above 1 from several threads.

        Returns
        -------
        BGAD
            Itself.

        Raises
        ------
        InputError
            Unusable images or masks, or as many masks as anomalous images are not there.
        """
        if (anomalous is None) != (masks is None):
            raise InputError("anomalous images and their masks come together: one is missing")
        normal = self._encode(normal)
        known = None
        if anomalous is not None:
            known, masks = self._encode(anomalous), as_masks(masks, self.image_size)
            if len(known) != len(masks):
                raise InputError(f"{len(known)} anomalous images but {len(masks)} masks")
            share = len(known) / (len(normal) + len(known))
            known, masks, probabilities = self._with_cut_paste(normal, known, masks)
        tasks = []
        for level, features in enumerate(normal.levels):
            anomalies = None
            if known is not None:
                shape = features.shape[1:3]
                anomalies = Anomalies(
                    rearrange(known.levels[level], "n h w c -> n (h w) c"),
                    rearrange(_mask_cells(masks, shape), "n h w -> n (h w)"),
                    probabilities,
                    share,
                )
            tasks.append((level, features, anomalies, after_step))
        with ThreadPoolExecutor(self.n_jobs) as pool:
            fitted = list(pool.map(lambda task: self._fit_level(*task), tasks))
        self.densities_, self.history_, likelihoods = map(list, zip(*fitted, strict=True))
        beta, tau = self.training.beta, self.training.tau
        self.maxima_ = [float(level.max()) for level in likelihoods]
        self.boundaries_ = [
            NORMALIZER * float(explicit_boundary(torch.from_numpy(level), beta, tau).normal)
            for level in likelihoods
        ]
        self.calibration_scores_ = None
        if len(normal) >= FOLDS:
            self.calibration_scores_ = np.concatenate(
                [
                    anomaly_maps(
                        [level[start : start + _BATCH] for level in likelihoods],
                        self.maxima_,
                        self.image_size,
                    ).max(axis=(1, 2))
                    for start in range(0, len(normal), _BATCH)
                ]
            )
        return self

    @property
    def boundary_threshold_(self) -> float:
        """The map value where every level's log-likelihood lies at its explicit boundary.

        No test image has a say in it: pixels with a larger value are called anomalous.
        """
        at_boundary = zip(self.boundaries_, self.maxima_, strict=True)
        return float(-np.log(np.mean([np.exp(min(0, b - m)) for b, m in at_boundary])))

    def log_likelihoods(self, images: Any) -> list[np.ndarray]:
        """Log-likelihood per channel of every feature cell.

        Parameters
        ----------
        images : EncodedImages, or any form of `bgad.inputs.as_images`

        Returns
        -------
        list of ndarray of float32, shape (N, h, w)
            One array per level.
        """
        self._check_fitted()
        encoded = self._encode(images)
        pairs = zip(self.densities_, encoded.levels, strict=True)
        return [density.score(features) for density, features in pairs]

    def anomaly_maps(self, images: Any) -> np.ndarray:
        """Anomaly maps.

        Parameters
        ----------
        images : EncodedImages, or any form of `bgad.inputs.as_images`

        Returns
        -------
        ndarray of float32, shape (N, image_size, image_size)
            See `bgad.anomaly_map.anomaly_maps`; an image's map does not depend on the others.
        """
        return anomaly_maps(self.log_likelihoods(images), self.maxima_, self.image_size)

    def score_samples(self, images: Any) -> np.ndarray:
        """Image scores: the maximum of each anomaly map, shape (N,)."""
        return self.maps_and_scores(images)[1]

    def maps_and_scores(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        """What `anomaly_maps` and `score_samples` return, computed once."""
        maps = self.anomaly_maps(images)
        scores = maps.max(axis=(1, 2))
        tied = len(scores) - len(np.unique(scores))
        if tied > _TIED * len(scores):
            warnings.warn(
                f"{tied} of {len(scores)} images have a score that another one has as well: "
                "nothing tells which is more anomalous",
                stacklevel=2,
            )
        return maps, scores

    def save(self, path: str | Path) -> None:
        """Write the fitted model (without the backbone's weights) as a safetensors file."""
        self._check_fitted()
        tensors = {
            f"{level}.{key}": value.contiguous()
            for level, density in enumerate(self.densities_)
            for key, value in density.state_dict().items()
        }
        for key in ("maxima_", "boundaries_"):
            tensors[key] = torch.tensor(getattr(self, key), dtype=torch.float64)
        shapes = [[d.height, d.width, d.flow.channels] for d in self.densities_]
        header = {"parameters": self.get_params(), "levels": shapes}
        header = json.dumps(header | {"weights_hash": self.encoder.weights_hash})
        checksum = _checksum(header, tensors)
        save_file(tensors, path, {"format": _FORMAT, "header": header, "checksum": checksum})

    @classmethod
    def load(
        cls, path: str | Path, device: str = "cpu", weights: str | Path | None = None
    ) -> "BGAD":
        """Read a saved model; no code in the file is executed.

        Parameters
        ----------
        path : path
        device : str
            Torch device of the loaded model.
        weights : str or Path, optional
            The backbone's weights, where they are not found as they were in `fit`.

        Raises
        ------
        InputError
            The file is missing, damaged or no saved model, or the backbone's weights of this
            machine are not those that the model was trained with.
        """
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    raise InputError(f"{path} is no saved BGAD model of format {_FORMAT}")
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            if metadata["checksum"] != _checksum(metadata["header"], tensors):
                raise InputError(f"model file {path} is damaged: its checksum differs")
            header = json.loads(metadata["header"])
            changes = {"device": device} | ({} if weights is None else {"weights": weights})
            model = cls(**header["parameters"] | changes)
            if model.encoder.weights_hash != header["weights_hash"]:
                raise InputError(
                    f"model file {path} was trained on other weights of {model.backbone} "
                    "than those on this machine: give the same as weights"
                )
            model._restore(header, tensors)
        except FileNotFoundError as error:
            raise InputError(f"model file {path} does not exist") from error
        except InputError:
            raise
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InputError(f"model file {path} is damaged: {error}") from error
        return model

    def _restore(self, header: dict, tensors: dict[str, torch.Tensor]) -> None:
        self.maxima_ = tensors.pop("maxima_").tolist()
        self.boundaries_ = tensors.pop("boundaries_").tolist()
        self.densities_, self.history_ = [], []
        for level, (height, width, channels) in enumerate(header["levels"]):
            shapes = (cells := height * width, channels), (cells, channels, channels), (cells,)
            empty = Standardisation(*map(torch.empty, shapes))
            density = self._density(height, width, empty, channels)
            prefix = f"{level}."
            density.load_state_dict(
                {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            )
            self.densities_.append(density.to(self.device))

    def _check_fitted(self) -> None:
        if not hasattr(self, "densities_"):
            raise InputError("this BGAD is not fitted yet: call fit or load first")

    def _encode(self, images: Any) -> EncodedImages:
        if isinstance(images, EncodedImages):
            if not len(images):
                raise InputError("images must be at least one, got none")
            return images
        return encode(self.encoder, as_images(images, self.image_size))

    def _with_cut_paste(
        self, normal: EncodedImages, known: EncodedImages, masks: np.ndarray
    ) -> tuple[EncodedImages, np.ndarray, np.ndarray]:
        n = len(known)
        if not self.cut_paste:
            return known, masks, np.full(n, 1 / n)
        images, pasted_masks = cut_paste(
            normal.images, known.images, masks, self.cut_paste, self.augment_seed
        )
        pasted = encode(self.encoder, images)
        both = EncodedImages(
            np.concatenate([known.images, pasted.images]),
            tuple(map(np.concatenate, zip(known.levels, pasted.levels, strict=True))),
        )
        # Half of the draws show a known anomaly as it is, half a CutPaste image (official code).
        probabilities = np.repeat([0.5 / n, 0.5 / len(images)], [n, len(images)])
        return both, np.concatenate([masks, pasted_masks]), probabilities

    def _density(
        self,
        height: int,
        width: int,
        standardisation: Standardisation,
        channels: int,
        seed: int = 0,
    ) -> LevelDensity:
        generator = torch.Generator().manual_seed(seed)
        flow = ConditionalFlow(channels, self.condition_dim, self.n_blocks, generator)
        return LevelDensity(height, width, standardisation, flow)

    def _fit_level(
        self,
        level: int,
        features: np.ndarray,
        anomalies: Anomalies | None,
        after_step: Callable[[int, int, LevelDensity], None] | None,
    ) -> tuple[LevelDensity, dict[str, np.ndarray], np.ndarray]:
        _, height, width, channels = features.shape
        flat = rearrange(features, "n h w c -> n (h w) c")
        seed = int(np.random.SeedSequence([self.seed, level]).generate_state(1)[0])
        estimate = StandardisationEstimate(features, self.standardisation)
        density = self._density(height, width, estimate.layer(), channels, seed).to(self.device)
        steps = self.training.steps[level]
        report = after_step and (lambda done: after_step(level, done, density))
        history = train_level(density, flat, anomalies, self.training, steps, seed, report)
        return density, history, _cross_fitted(density, estimate, features)


def _cross_fitted(
    density: LevelDensity, estimate: StandardisationEstimate, features: np.ndarray
) -> np.ndarray:
    """Log-likelihoods of training normals, standardised by what the other folds say."""
    if len(features) < FOLDS:
        return density.score(features)
    likelihoods = np.empty(features.shape[:3], np.float32)
    for fold in range(FOLDS):
        unseen = LevelDensity(
            density.height, density.width, estimate.layer(without=fold), density.flow
        )
        unseen.to(density.condition.device)
        likelihoods[fold::FOLDS] = unseen.score(features[fold::FOLDS])
    return likelihoods


def _checksum(header: str, tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(header.encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()


def _mask_cells(masks: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Masks at the cells of a level, by nearest neighbour."""
    cells = interpolate(torch.from_numpy(masks).float().unsqueeze(1), size=tuple(shape))
    return cells.squeeze(1).numpy() > 0
