"""What every detector is and does."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import Self

from bgad.backbone import Backbone
from bgad.conformal import Calibrated
from bgad.data.folder import known_anomalies
from bgad.data.images import Size, folder_images, resize_maps
from bgad.detectors import file, method_of, resolve
from bgad.errors import InputError
from bgad.features import EncodedImages, encode
from bgad.inputs import as_images, as_masks
from bgad.parameters import Natural, parameters

__all__ = ["Detector", "load"]

_CHECKED = 64  # images whose features are looked at together

_Side = Annotated[int, Field(ge=32, le=2048, multiple_of=32)]


@parameters
class Detector(Calibrated, ABC):
    """A method that learns from normal images, and perhaps known anomalies, on frozen features.

    A method implements `_fit`, `_maps_and_scores`, `_state` and `_restore`; images, masks,
    parameters and files are checked here, once for all of them.

    Parameters
    ----------
    backbone, weights, device
        See `bgad.backbone.Backbone`.
    image_size : int, or height and width
        In pixels, to which images are resized, and of the anomaly maps: the side of a square if it
        is one number; multiples of 32.
    seed : int
        All that is random in the method, but augmentation.
    augment_seed : int, optional
        Augmentation; `seed` if absent.

    Attributes
    ----------
    boundary_threshold_ : float
        Map value above which a pixel is called anomalous; no test image has a say in it. Of normal
        images held out, if there are any, else the method's own.
    calibration_scores_ : ndarray of float32, shape (m,), or None
        Image scores of normal images as if these were new: cross-fitted or held out. None where
        the method has none.
    history_ : list of dict of ndarray
        Training curves, if there are any.
    """

    version: ClassVar[int] = 1
    """Raised whenever the same parameters and images come to give other maps."""

    added: ClassVar[Mapping[str, Any]] = {}
    """Parameters newer than `version`, and their values at which maps are those from before; of a
    parameter that holds others, a mapping of these."""

    min_shots: ClassVar[int] = 0
    """Known anomalies that the method needs at least."""

    needs_masks: ClassVar[bool] = False
    """Whether known anomalies must come with masks."""

    has_likelihoods: ClassVar[bool] = False
    """Whether it scores by likelihoods whose maxima can be set, and `fit` takes ``after_epoch``."""

    is_resumed: ClassVar[bool] = False
    """Whether `fit` takes ``state``, a folder from which an interrupted training goes on."""

    backbone: str = "tf_efficientnet_lite2"
    image_size: _Side | Annotated[tuple[_Side, _Side], Field(strict=False)] = 256
    weights: str | Path | None = None
    seed: Natural = 0
    augment_seed: Natural | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.weights = None if self.weights is None else str(self.weights)
        if self.augment_seed is None:
            self.augment_seed = self.seed
        self._levels: tuple[tuple[int, ...], ...] | None = None  # (h, w, C) of each, once fitted

    def get_params(self) -> dict[str, Any]:
        """All keyword arguments it was made with, defaults included."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def encoder(self) -> Backbone:
        """The frozen backbone, made at first use."""
        return Backbone(self.backbone, self.image_size, self.weights, self.device)

    def fit(
        self,
        normal: Any,
        anomalous: Any = None,
        masks: Any = None,
        *,
        held_out: float = 0.0,
        pixel_false_alarms: float = 0.001,
        **options: Any,
    ) -> Self:
        """Train on normal images and known anomalies.

        Parameters
        ----------
        normal : EncodedImages, or any form of `bgad.inputs.as_images`
        anomalous : the same, optional
            Known anomalies.
        masks : any form of `bgad.inputs.as_masks`, optional
            One for each known anomaly, in their order. If both are folders, masks are told by
            their names (`bgad.data.folder.match_masks`), several of an image joined.
        held_out : float
            Share of the normal images, evenly spaced, that are not trained on: their scores become
            `calibration_scores_`, with which `predict` keeps its promise exactly. With 0 these are
            the method's own cross-fitted ones, if it has any.
        pixel_false_alarms : float
            Where normal images are held out, the share of their pixels that lie beyond
            `boundary_threshold_`; it is the method's own otherwise.
        **options
            Of a method's own.

        Returns
        -------
        Detector
            Itself.

        Raises
        ------
        InputError
            Unusable images or masks, fewer than the method needs, or training that diverged.
        """
        if masks is not None and anomalous is None:
            raise InputError("masks come together with anomalous images: these are missing")
        if not 0 < pixel_false_alarms < 1:
            raise InputError(
                f"pixel_false_alarms must lie between 0 and 1, got {pixel_false_alarms}"
            )
        self._levels = None
        if isinstance(anomalous, (str, Path)) and isinstance(masks, (str, Path)):
            samples = known_anomalies(folder_images(Path(anomalous)), Path(masks))
            anomalous, masks = [s.path for s in samples], [s.truth() for s in samples]
        normal, held = _split(self._encode(normal), held_out)
        if anomalous is not None:
            anomalous = self._encode(anomalous)
            _check_shapes(anomalous, _shapes(normal))
        name, shots = type(self).__name__, 0 if anomalous is None else len(anomalous)
        if shots < self.min_shots:
            raise InputError(
                f"{name} learns from known anomalies: give at least {self.min_shots}, got {shots}"
            )
        if masks is not None:
            masks = as_masks(masks, self.image_size)
            if len(masks) != shots:
                raise InputError(f"{shots} anomalous images but {len(masks)} masks")
        elif shots and self.needs_masks:
            raise InputError(f"{name} learns from masks: anomalous images and masks come together")
        for encoded in (normal, held, anomalous):
            if encoded is not None:
                _check_finite_features(encoded)
        self.history_, self.calibration_scores_ = [], None
        self._fit(normal, anomalous, masks, **options)
        if not np.isfinite(self.boundary_threshold_):  # type: ignore[has-type]
            raise InputError(f"{name} found no finite threshold: training diverged")
        self._levels = _shapes(normal)
        if held is not None:
            maps, self.calibration_scores_ = self.maps_and_scores(held)
            self.boundary_threshold_ = float(np.quantile(maps, 1 - pixel_false_alarms))
        return self

    def anomaly_maps(self, images: Any, size: Size | None = None) -> np.ndarray:
        """Anomaly maps.

        Parameters
        ----------
        images : EncodedImages, or any form of `bgad.inputs.as_images`
        size : int, or height and width, optional
            Of the maps in pixels, such as the images' own; `image_size` if absent.

        Returns
        -------
        ndarray of float32, shape (N, H, W)
            Larger is more anomalous; an image's map does not depend on the others.
        """
        maps = self.maps_and_scores(images)[0]
        return maps if size is None else resize_maps(maps, size)

    def score_samples(self, images: Any) -> np.ndarray:
        """Image scores, float32, shape (N,); larger is more anomalous."""
        return self.maps_and_scores(images)[1]

    def maps_and_scores(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        """What `anomaly_maps` and `score_samples` return, computed once.

        Raises
        ------
        InputError
            The detector is not fitted, the images can't be used, or a score is not finite.
        """
        maps, scores = self._maps_and_scores(self._encode_to_score(images))
        bad = [i for i in range(len(scores)) if not np.isfinite([scores[i], maps[i].sum()]).all()]
        if bad:
            raise InputError(f"image {bad[0]} has no finite scores: its features are not finite")
        return maps, scores

    def score_threshold(self, false_alarms: float = 0.05) -> float:
        """As `bgad.conformal.Calibrated.score_threshold`, of a fitted detector."""
        self._check_fitted()
        return super().score_threshold(false_alarms)

    def left_out(self, normal: EncodedImages, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Maps and scores of training normals, as if each had had no part in `fit`.

        Parameters
        ----------
        normal : EncodedImages
            All that `fit` was given, right before; a loaded detector can't tell what each did.
        rows : sequence of int
            Which of them.

        Returns
        -------
        tuple of ndarray
            As `maps_and_scores`. A method that has no way to leave an image out gives its plain
            maps, and has no `calibration_scores_`.
        """
        return self._maps_and_scores(normal[rows])

    def save(self, path: str | Path) -> None:
        """Write the fitted detector (without the backbone's weights) as a safetensors file."""
        self._check_fitted()
        header = file.Header(
            method=method_of(type(self)),
            version=self.version,
            parameters=self.get_params(),
            weights_hash=self.encoder.weights_hash,
        )
        file.write(path, header, self.state())

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu", weights: str | Path | None = None) -> Self:
        """Read a saved detector, of any method if called on `Detector`.

        Parameters
        ----------
        path : path
        device : str
            Torch device of the loaded detector.
        weights : str or Path, optional
            The backbone's weights, where they are not found as they were in `fit`.

        Raises
        ------
        InputError
            The file is missing, damaged or of another method, or the backbone's weights of this
            machine are not those that the detector was trained with.
        """
        try:
            header, state = file.read(path)
            kind = resolve(header.method)
            if not issubclass(kind, cls):
                raise InputError(f"it holds a {kind.__name__}, not a {cls.__name__}")
            if header.version != kind.version:
                raise InputError(
                    f"it is of version {header.version} of {kind.__name__}, which is now "
                    f"{kind.version} and gives other maps: fit it anew"
                )
            changes = {"device": device} | ({} if weights is None else {"weights": weights})
            detector = kind(**header.parameters | changes)
            if detector.encoder.weights_hash != header.weights_hash:
                raise InputError(
                    f"it was trained on other weights of {detector.backbone} than those on this "
                    "machine: give the same as weights"
                )
            detector.set_state(state, detector.encoder.level_shapes)
        except InputError as error:
            raise InputError(f"model file {path}: {error}") from error
        return detector

    def state(self) -> dict[str, Tensor]:
        """What was learnt, as tensors by name."""
        self._check_fitted()
        common = {"boundary_threshold": torch.tensor(self.boundary_threshold_, dtype=torch.float64)}
        if self.calibration_scores_ is not None:
            common["calibration_scores"] = torch.from_numpy(self.calibration_scores_)
        return common | self._state()

    def set_state(self, state: file.State, levels: tuple[tuple[int, ...], ...]) -> None:
        """Take over what `state` gave; `levels` are the shapes (h, w, C) of the features.

        Raises
        ------
        InputError
            Tensors are missing, too many, or not of the shape that the parameters ask for.
        """
        self.boundary_threshold_ = float(state.take("boundary_threshold", dtype=torch.float64))
        self.history_, self.calibration_scores_ = [], None
        if "calibration_scores" in state:
            self.calibration_scores_ = state.take("calibration_scores", None).numpy()
        self._levels = levels
        self._restore(state)
        if state:
            raise InputError(f"tensor {next(iter(state))} belongs to nothing")

    @abstractmethod
    def _fit(
        self,
        normal: EncodedImages,
        anomalous: EncodedImages | None,
        masks: np.ndarray | None,
    ) -> None:
        """Learn; sets `boundary_threshold_` and, where it can, `calibration_scores_`."""

    @abstractmethod
    def _maps_and_scores(self, images: EncodedImages) -> tuple[np.ndarray, np.ndarray]:
        """See `maps_and_scores`."""

    @abstractmethod
    def _state(self) -> dict[str, Tensor]:
        """What `_fit` learnt, as tensors by name."""

    @abstractmethod
    def _restore(self, state: file.State) -> None:
        """Take what `_state` gave from a file's tensors, each checked."""

    def _check_fitted(self) -> None:
        if self._levels is None:
            raise InputError(
                f"this {type(self).__name__} is not fitted yet: call fit or load first"
            )

    def _encode(self, images: Any) -> EncodedImages:
        if isinstance(images, EncodedImages):
            if not len(images):
                raise InputError("images must be at least one, got none")
            return images
        return encode(self.encoder, as_images(images, self.image_size))

    def _encode_to_score(self, images: Any) -> EncodedImages:
        self._check_fitted()
        encoded = self._encode(images)
        _check_shapes(encoded, self._levels)
        return encoded


load = Detector.load


def _shapes(images: EncodedImages) -> tuple[tuple[int, ...], ...]:
    return tuple(level.shape[1:] for level in images.levels)


def _split(normal: EncodedImages, share: float) -> tuple[EncodedImages, EncodedImages | None]:
    """Normals to train on, and those held out."""
    if not 0 <= share < 1:
        raise InputError(f"held_out must be at least 0 and below 1, got {share}")
    count = round(share * len(normal)) if share else 0
    if not count:
        return normal, None
    if count == len(normal):
        raise InputError(f"held_out={share} leaves none of {len(normal)} normal images to train on")
    held = np.linspace(0, len(normal) - 1, count).round().astype(int)
    return normal[np.setdiff1d(np.arange(len(normal)), held)], normal[held]


def _check_shapes(images: EncodedImages, expected: tuple[tuple[int, ...], ...]) -> None:
    if _shapes(images) != expected:
        raise InputError(
            f"expected features of shape {expected}, got {_shapes(images)}: "
            "are they of another backbone or image size?"
        )


def _check_finite_features(images: EncodedImages) -> None:
    for level in images.levels:
        for start in range(0, len(level), _CHECKED):
            finite = np.isfinite(level[start : start + _CHECKED]).all(axis=(1, 2, 3))
            if not finite.all():
                raise InputError(f"the features of image {start + finite.argmin()} are not finite")
