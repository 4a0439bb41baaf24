"""RandAugment CutPaste: more anomalous images from the few known ones."""

import math
from collections.abc import Callable

import numpy as np
import torch
from einops import rearrange
from kornia import color, enhance, filters
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from bgad.errors import InputError

__all__ = ["cut_paste", "foreground_mask"]

_OPERATIONS = 3  # of RandAugment on each anomalous image
_INSIDE = 2 / 3  # share of a region that must lie on the foreground (official code)
_ATTEMPTS = 10  # at a warp that keeps the region in the image, and at a place that is inside
_SIDE = 128  # pixels at which the foreground is sought


def cut_paste(
    normal: np.ndarray, anomalous: np.ndarray, masks: np.ndarray, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Paste augmented anomalous regions onto normal images.

    The known anomalies take turns. Each is altered by three random photometric or geometric
    operations (its mask by the geometric ones alike), and the region under the mask is pasted onto
    a random normal image. If less than two thirds of it would lie on the foreground there, it is
    moved: to a random place where they do or, after ten trials, where most of it does. What still
    lies off the foreground is cut off.

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
        Within that image's `foreground_mask`; none is empty.

    Raises
    ------
    InputError
        No image to start from, shapes or dtypes that don't fit, or a mask that marks no pixel.

    Notes
    -----
    The operations and the two thirds are those of the official code, except that an operation
    that is drawn is always applied, and that a region moves as a whole. The official code reads
    foregrounds from masks that it ships.
    """
    if not len(normal) or not len(anomalous):
        raise InputError(f"CutPaste needs images, got {len(normal)} normal, {len(anomalous)} known")
    if masks.shape != anomalous.shape[:3] or normal.shape[1:] != anomalous.shape[1:]:
        raise InputError(
            "CutPaste needs images and masks of one size, "
            f"got {normal.shape}, {anomalous.shape} and {masks.shape}"
        )
    dtypes = normal.dtype, anomalous.dtype, masks.dtype
    if dtypes != (np.uint8, np.uint8, bool):
        raise InputError(f"CutPaste needs uint8 images and bool masks, got {[*map(str, dtypes)]}")
    if not masks.any(axis=(1, 2)).all():
        empty = int(np.flatnonzero(~masks.any(axis=(1, 2)))[0])
        raise InputError(f"the mask of known anomaly {empty} marks no pixel")
    rng = np.random.default_rng(seed)
    images = np.empty((n, *normal.shape[1:]), np.uint8)
    pasted = np.zeros((n, *masks.shape[1:]), bool)
    for i in range(n):
        k = i % len(anomalous)
        altered, mask = _rand_augment(anomalous[k], masks[k], rng)
        images[i] = normal[rng.integers(len(normal))]
        source, target = _place(mask, foreground_mask(images[i]), rng)
        images[i][target] = altered[source]
        pasted[i][target] = True
    return images, pasted


def foreground_mask(image: np.ndarray) -> np.ndarray:
    """Find the object on a plain background.

    The background's colour is the median of the image's border, in CIELAB, and pixels farther from
    it than Otsu's threshold are foreground. Opening, closing and filling of holes clean the result,
    and pieces far smaller than the largest are dropped. Everything is foreground where that finds
    no object, as on textures: nothing large, nothing that stands out, or nothing that is more in
    the middle than at the border.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    ndarray of bool, shape (H, W)
        Sought at 128 pixels a side; never empty.

    Raises
    ------
    InputError
        Not one uint8 RGB image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"expected a uint8 (H, W, 3) image, got {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    everything = np.ones((height, width), bool)
    small = Image.fromarray(image).resize(
        (min(_SIDE, width), min(_SIDE, height)), Image.Resampling.BOX
    )
    lab = rgb2lab(np.asarray(small))
    border = np.ones(lab.shape[:2], bool)
    border[4:-4, 4:-4] = False
    distance = np.linalg.norm(lab - np.median(lab[border], axis=0), axis=-1)
    distance = ndimage.uniform_filter(distance, 3)
    if distance.max() < 1:  # a just noticeable difference: a uniform image
        return everything
    found = ndimage.binary_opening(distance > threshold_otsu(distance), iterations=2)
    found = ndimage.binary_closing(np.pad(found, 2), iterations=2)[2:-2, 2:-2]
    found = _fill(found)
    labelled, count = ndimage.label(found)
    if not count or found.all():
        return everything
    areas = np.bincount(labelled.ravel())[1:]
    stands_out = distance[found].mean() > 3.5 * distance[~found].mean()
    found = np.append(False, areas > areas.max() / 10)[labelled]
    rows, columns = (side // 4 for side in found.shape)
    middle = found[rows : -rows or None, columns : -columns or None]
    in_the_middle = found[border].mean() < middle.mean() / 2
    if not stands_out or not in_the_middle or areas.max() < 0.02 * found.size:
        return everything
    return np.asarray(Image.fromarray(found).resize((width, height), Image.Resampling.NEAREST))


def _fill(found: np.ndarray) -> np.ndarray:
    """Fill holes, also those that an object which crosses the image's border encloses with it."""
    closed = np.pad(found, 1, mode="edge")
    for side in (closed[0], closed[-1], closed[:, 0], closed[:, -1]):
        side[:] = side.mean() > 0.25
    return ndimage.binary_fill_holes(closed)[1:-1, 1:-1]


def _rand_augment(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Apply random operations; without the geometric ones if they always lose the region."""
    original = rearrange(torch.from_numpy(np.array(image)), "h w c -> 1 c h w") / 255
    region = rearrange(torch.from_numpy(np.array(mask)), "h w -> 1 1 h w").float()
    identity = affine_grid(torch.eye(2, 3)[None], [*region.shape], align_corners=False)
    for _ in range(_ATTEMPTS):
        x, grid = original, identity
        for drawn in rng.choice(len(_PHOTOMETRIC) + len(_GEOMETRIC), _OPERATIONS, replace=False):
            if drawn < len(_PHOTOMETRIC):
                x = _PHOTOMETRIC[drawn](x, rng).clamp(0, 1)
            else:
                grid = _GEOMETRIC[drawn - len(_PHOTOMETRIC)](grid, rng)
        warped = grid_sample(region, grid, mode="nearest", align_corners=False)
        if warped.any():
            region = warped
            x = grid_sample(x, grid, padding_mode="border", align_corners=False)
            break
    altered = (rearrange(x, "1 c h w -> h w c") * 255).round().byte().numpy()
    return altered, region[0, 0].numpy() > 0.5


def _noise(x: Tensor, rng: np.random.Generator) -> Tensor:
    noise = torch.from_numpy(rng.standard_normal(x.shape[-2:], np.float32))
    return x + rng.uniform(0.01, 0.03) * noise


def _blur(x: Tensor, rng: np.random.Generator) -> Tensor:
    sigma = rng.uniform(0.5, 1.5)
    return filters.gaussian_blur2d(x, (7, 7), (sigma, sigma))


def _tone(x: Tensor, rng: np.random.Generator) -> Tensor:
    x = enhance.adjust_contrast_with_mean_subtraction(x, rng.uniform(0.8, 1.2))
    return enhance.adjust_brightness(x, rng.uniform(-0.2, 0.2))


def _colour(x: Tensor, rng: np.random.Generator) -> Tensor:
    hue, saturation, value = color.rgb_to_hsv(x).unbind(1)
    hue = (hue + math.radians(rng.uniform(-40, 40))) % (2 * math.pi)
    saturation = (saturation * rng.uniform(0.7, 1.3)).clamp(max=1)
    return color.hsv_to_rgb(torch.stack([hue, saturation, value], 1))


_PHOTOMETRIC: tuple[Callable[[Tensor, np.random.Generator], Tensor], ...] = (
    _noise,
    _blur,
    _tone,
    _colour,
)


# Geometric operations map where to look in the image, (1, H, W, 2) coordinates x, y in [-1, 1]: so
# any number of them takes a single interpolation.


def _flip(grid: Tensor, rng: np.random.Generator) -> Tensor:
    return grid * torch.tensor([[-1.0, 1.0], [1.0, -1.0]][rng.integers(2)])


def _quarter_turn(grid: Tensor, rng: np.random.Generator) -> Tensor:
    turned = grid.flip(-1) * torch.tensor([1.0, -1.0])
    return [turned, -grid, -turned][rng.integers(3)]


def _transpose(grid: Tensor, rng: np.random.Generator) -> Tensor:
    return grid.flip(-1)


def _affine(grid: Tensor, rng: np.random.Generator) -> Tensor:
    angle, scale = math.radians(rng.uniform(-45, 45)), rng.uniform(0.8, 1.2)
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    return grid @ torch.tensor([[cos, -sin], [sin, cos]]) + torch.tensor(
        rng.uniform(-0.125, 0.125, 2), dtype=torch.float32
    )


def _lens(grid: Tensor, rng: np.random.Generator) -> Tensor:
    return grid * (1 + rng.uniform(-0.25, 0.25) * grid.square().sum(-1, keepdim=True))


def _ripple(grid: Tensor, rng: np.random.Generator) -> Tensor:
    coarse = torch.from_numpy(rng.uniform(-0.1, 0.1, (1, 2, 5, 5)).astype(np.float32))
    fine = interpolate(coarse, [*grid.shape[1:3]], mode="bicubic", align_corners=True)
    return grid + rearrange(fine, "1 xy h w -> 1 h w xy")


_GEOMETRIC: tuple[Callable[[Tensor, np.random.Generator], Tensor], ...] = (
    _flip,
    _quarter_turn,
    _transpose,
    _affine,
    _lens,
    _ripple,
)


def _place(
    mask: np.ndarray, foreground: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Draw where a region goes: indices (rows, columns) of the pixels to take and to replace."""
    region, allowed = np.argwhere(mask), np.argwhere(foreground)
    shift = np.zeros(2, int)  # it stays if it can
    best = np.zeros(len(region), bool)
    for _ in range(_ATTEMPTS + 1):
        moved = region + shift
        inside = ((moved >= 0) & (moved < mask.shape)).all(1)
        inside[inside] = foreground[tuple(moved[inside].T)]
        if inside.sum() > best.sum():
            best, best_shift = inside, shift
        if best.sum() >= _INSIDE * len(region):
            break
        # One of its pixels comes to lie on the foreground, so that something always remains.
        shift = allowed[rng.integers(len(allowed))] - region[rng.integers(len(region))]
    source = region[best]
    return tuple(source.T), tuple((source + best_shift).T)
