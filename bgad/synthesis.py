"""RandAugment CutPaste: more anomalous images from the few known ones."""

import math
from collections.abc import Callable

import numpy as np
import torch
from einops import rearrange
from kornia import enhance
from kornia.geometry.transform import get_rotation_matrix2d, warp_affine
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu
from torch import Tensor

from bgad.errors import InputError

__all__ = ["cut_paste", "foreground_mask"]

_OPERATIONS = 3  # of RandAugment on each anomalous image, as the paper has it
_ATTEMPTS = 10  # at a place where the pasted region shows, before it stays where it was
_VISIBLE = 0.5  # share of a pasted region that must lie on the foreground


def cut_paste(
    normal: np.ndarray, anomalous: np.ndarray, masks: np.ndarray, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Paste augmented anomalous regions onto normal images.

    The known anomalies take turns. Each is altered by three random photometric or geometric
    operations (its mask by the geometric ones alike); the region under the mask is moved to a
    random place on the foreground of a random normal image, and cut off at its edge.

    Parameters
    ----------
    normal : ndarray of uint8, shape (N, H, W, 3)
    anomalous : ndarray of uint8, shape (K, H, W, 3)
        Known anomalies.
    masks : ndarray of bool, shape (K, H, W)
        True where they are anomalous.
    n : int
        Images to make.
    seed : int

    Returns
    -------
    images : ndarray of uint8, shape (n, H, W, 3)
        Equal to a normal image wherever the mask is False.
    masks : ndarray of bool, shape (n, H, W)
        None is empty.

    Raises
    ------
    InputError
        No image to start from, shapes that don't fit, or a mask that marks no pixel.

    Notes
    -----
    Paper section 3.5. The official code restricts the place by foreground masks that it ships;
    here they come from `foreground_mask`.
    """
    if not len(normal) or not len(anomalous):
        raise InputError(f"CutPaste needs images, got {len(normal)} normal, {len(anomalous)} known")
    if masks.shape != anomalous.shape[:3] or normal.shape[1:] != anomalous.shape[1:]:
        raise InputError(
            "CutPaste needs images and masks of one size, "
            f"got {normal.shape}, {anomalous.shape} and {masks.shape}"
        )
    if not masks.any(axis=(1, 2)).all():
        empty = int(np.flatnonzero(~masks.any(axis=(1, 2)))[0])
        raise InputError(f"the mask of known anomaly {empty} marks no pixel")
    rng = np.random.default_rng(seed)
    images = np.empty((n, *normal.shape[1:]), np.uint8)
    pasted = np.empty((n, *masks.shape[1:]), bool)
    for i in range(n):
        k = i % len(anomalous)
        region, mask = _rand_augment(anomalous[k], masks[k], rng)
        base = np.array(normal[rng.integers(len(normal))])
        shift, pasted[i] = _place(mask, foreground_mask(base), rng)
        images[i] = np.where(pasted[i][..., None], _shifted(region, shift), base)
    return images, pasted


def foreground_mask(image: np.ndarray) -> np.ndarray:
    """Find the object on a plain background.

    The background's colour is the median of the image's border, in CIELAB; pixels farther from it
    than Otsu's threshold are foreground, cleaned by opening, closing and filling of holes. Where
    the border is no plain background (its own colours spread as widely as the image's do, as on
    textures), or nothing sensible is left, everything is foreground.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    everything = np.ones(image.shape[:2], bool)
    side = min(image.shape[:2])
    width = max(1, side // 32)
    border = everything.copy()
    border[width:-width, width:-width] = False
    lab = ndimage.uniform_filter(rgb2lab(image), (max(1, side // 64),) * 2 + (1,))
    distance = np.linalg.norm(lab - np.median(lab[border], axis=0), axis=-1)
    if distance.max() < 1:  # a just noticeable difference: a uniform image
        return everything
    threshold = threshold_otsu(distance)
    if np.quantile(distance[border], 0.75) > threshold:
        return everything
    radius = max(1, side // 64)
    found = ndimage.binary_opening(distance > threshold, iterations=radius)
    found = ndimage.binary_closing(np.pad(found, radius), iterations=radius)
    found = ndimage.binary_fill_holes(found[radius:-radius, radius:-radius])
    contrast = distance[found].mean() / (distance[~found].mean() + 1e-6) if found.any() else 0
    return found if found.mean() > 0.01 and contrast > 3 else everything


def _rand_augment(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    x = rearrange(torch.from_numpy(np.array(image)), "h w c -> 1 c h w") / 255
    m = torch.from_numpy(np.array(mask)).float()[None, None]
    for name in rng.choice(len(_PHOTOMETRIC) + 1, _OPERATIONS, replace=False):
        if name == len(_PHOTOMETRIC):
            warp = _random_warp(m, rng)
            warped = warp_affine(m, warp, m.shape[-2:], mode="nearest")
            if warped.any():  # a small region may leave the image
                m = warped
                x = warp_affine(x, warp, x.shape[-2:], padding_mode="reflection")
        else:
            x = _PHOTOMETRIC[name](x, rng).clamp(0, 1)
    image = (rearrange(x, "1 c h w -> h w c") * 255).round().byte().numpy()
    return image, m[0, 0].numpy() > 0.5


def _random_warp(mask: Tensor, rng: np.random.Generator) -> Tensor:
    """Rotation by up to 45 degrees and scaling by up to a quarter about the region's centre."""
    rows, columns = torch.nonzero(mask[0, 0], as_tuple=True)
    centre = torch.stack([columns.float().mean(), rows.float().mean()]).unsqueeze(0)
    angle = torch.tensor([rng.uniform(-45, 45)], dtype=torch.float32)
    scale = torch.full((1, 2), float(np.exp(rng.uniform(-1, 1) * math.log(1.25))))
    return get_rotation_matrix2d(centre, angle, scale)


_PHOTOMETRIC: tuple[Callable[[Tensor, np.random.Generator], Tensor], ...] = (
    lambda x, rng: enhance.adjust_gamma(x, rng.uniform(0.5, 2.0)),
    lambda x, rng: enhance.adjust_brightness(x, rng.uniform(-0.12, 0.12)),
    lambda x, rng: enhance.adjust_contrast_with_mean_subtraction(x, rng.uniform(0.8, 1.2)),
    lambda x, rng: enhance.sharpness(x, rng.uniform(0.0, 2.0)),
    lambda x, rng: enhance.adjust_hue(x, rng.uniform(-0.5, 0.5)),
    lambda x, rng: enhance.adjust_saturation(x, rng.uniform(0.5, 1.5)),
    lambda x, rng: enhance.solarize(x, rng.uniform(0.4, 0.9)),
    lambda x, rng: enhance.posterize(x, int(rng.integers(3, 8))),
    lambda x, rng: enhance.equalize(x),
)


def _place(
    mask: np.ndarray, foreground: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[int, int], np.ndarray]:
    """Draw a shift that brings the region onto the foreground, and the mask it leaves there."""
    area = mask.sum()
    centre = np.argwhere(mask).mean(0)
    targets = np.argwhere(foreground)
    for _ in range(_ATTEMPTS):
        row, column = np.round(targets[rng.integers(len(targets))] - centre).astype(int)
        placed = _shifted(mask, (row, column)) & foreground
        if placed.sum() >= _VISIBLE * area:
            return (row, column), placed
    return (0, 0), mask


def _shifted(array: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """Move an image by whole pixels; what enters from outside is 0."""
    result = np.zeros_like(array)
    height, width = array.shape[:2]
    row, column = shift
    source = array[max(0, -row) : height - max(0, row), max(0, -column) : width - max(0, column)]
    top, left = max(0, row), max(0, column)
    result[top : top + source.shape[0], left : left + source.shape[1]] = source
    return result
