"""RandAugment CutPaste: more anomalous images from the few known ones."""

import math
from collections.abc import Callable, Sequence

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

__all__ = ["cut_paste", "foreground_mask", "fresh_cut_paste", "random_rectangles"]

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
    _check(normal, anomalous, masks)
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


def fresh_cut_paste(
    normal: np.ndarray,
    anomalous: np.ndarray,
    masks: np.ndarray,
    n: int,
    seed: int | Sequence[int],
    foregrounds: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Paste augmented anomalous regions onto normal images as the official code does.

    The known anomalies take turns. Three operations are drawn as in `cut_paste`, but each is then
    applied with a probability of its own alone. Unless more than two thirds of the marked pixels
    lie on the foreground of the random normal image, each connected region moves by itself, its
    centre to a random pixel of the foreground. What lies off the foreground stays; what leaves the
    image, or lost by a warp, is gone.

    Parameters and errors are those of `cut_paste`, but for the foregrounds of the normal images,
    bool (N, H, W), where these are known already.

    Returns
    -------
    images : ndarray of uint8, shape (n, H, W, 3)
    masks : ndarray of bool, shape (n, H, W)
        Some may be empty.

    Notes
    -----
    Probabilities are those of the official code. It differs in that the official code works on
    images before they are resized, reads foregrounds from masks that it ships, draws some
    operations among several (noise, blur, tone and warp of a kind each), shifts saturation and
    value instead of scaling saturation alone, and takes a region by its bounding box.
    """
    _check(normal, anomalous, masks)
    rng = np.random.default_rng(seed)
    images = np.empty((n, *normal.shape[1:]), np.uint8)
    pasted = np.zeros((n, *masks.shape[1:]), bool)
    for i in range(n):
        k = i % len(anomalous)
        altered, mask = _official_augment(anomalous[k], masks[k], rng)
        chosen = rng.integers(len(normal))
        images[i] = normal[chosen]
        foreground = foreground_mask(images[i]) if foregrounds is None else foregrounds[chosen]
        for source, target in _scatter(mask, foreground, rng):
            images[i][target] = altered[source]
            pasted[i][target] = True
    return images, pasted


def random_rectangles(n: int, shape: tuple[int, int], seed: int) -> np.ndarray:
    """Mark a rectangle in each of some images, to be cut from a normal one.

    Parameters
    ----------
    n : int
    shape : (height, width)
        Of the images.
    seed : int

    Returns
    -------
    ndarray of bool, shape (n, height, width)
        Of 2 to 15 % of the area, one side 0.3 to 3.3 times the other (uniform in its logarithm).

    Notes
    -----
    The sizes of CutPaste by Li et al., CVPR 2021, which has no known anomalies to cut from.
    """
    rng = np.random.default_rng(seed)
    marked = np.zeros((n, *shape), bool)
    for mask in marked:
        area = rng.uniform(0.02, 0.15) * mask.size
        aspect = math.exp(rng.uniform(math.log(0.3), math.log(1 / 0.3)))
        sides = math.sqrt(area * aspect), math.sqrt(area / aspect)
        spans = []
        for side, length in zip(sides, shape, strict=True):
            span = min(max(round(side), 1), length)
            start = rng.integers(length - span + 1)
            spans.append(slice(start, start + span))
        mask[tuple(spans)] = True
    return marked


def _check(normal: np.ndarray, anomalous: np.ndarray, masks: np.ndarray) -> None:
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
    operations = _PHOTOMETRIC + _GEOMETRIC
    for _ in range(_ATTEMPTS):
        drawn = rng.choice(len(operations), _OPERATIONS, replace=False)
        x, grid = _operate(image, [operations[i] for i in drawn], rng)
        region = _warp(_as_tensor(mask), grid, "nearest", "zeros")
        if region.any():
            return _as_image(_warp(x, grid, "bilinear", "border")), _as_mask(region)
    return _as_image(x), mask.copy()


def _official_augment(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Apply random operations, each with its own probability; the region may be lost."""
    drawn = rng.choice(len(_OFFICIAL), _OPERATIONS, replace=False)
    chosen = [_OFFICIAL[i] for i in drawn]
    applied = [operation for operation, probability in chosen if rng.random() < probability]
    x, grid = _operate(image, applied, rng)
    region = _warp(_as_tensor(mask), grid, "nearest", "reflection")
    return _as_image(_warp(x, grid, "bilinear", "reflection")), _as_mask(region)


def _operate(
    image: np.ndarray, operations: Sequence["_Operation"], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Altered image (1, 3, H, W), and where to look in it, (1, H, W, 2)."""
    x = _as_tensor(image)
    grid = affine_grid(torch.eye(2, 3)[None], [*x.shape], align_corners=False)
    for operation in operations:
        if operation in _PHOTOMETRIC:
            x = operation(x, rng).clamp(0, 1)
        else:
            grid = operation(grid, rng)
    return x, grid


def _warp(x: Tensor, grid: Tensor, mode: str, padding: str) -> Tensor:
    return grid_sample(x, grid, mode, padding, align_corners=False)


def _as_tensor(image: np.ndarray) -> Tensor:
    """Image (H, W, 3) or mask (H, W) as (1, channels, H, W), its values from 0 to 1."""
    x = torch.from_numpy(np.array(image))
    return x[None, None].float() if x.ndim == 2 else rearrange(x, "h w c -> 1 c h w") / 255


def _as_image(x: Tensor) -> np.ndarray:
    return (rearrange(x, "1 c h w -> h w c") * 255).round().byte().numpy()


def _as_mask(x: Tensor) -> np.ndarray:
    return x[0, 0].numpy() > 0.5


_Operation = Callable[[Tensor, np.random.Generator], Tensor]


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


_PHOTOMETRIC: tuple[_Operation, ...] = (
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


_GEOMETRIC: tuple[_Operation, ...] = (
    _flip,
    _quarter_turn,
    _transpose,
    _affine,
    _lens,
    _ripple,
)


def _any_flip(grid: Tensor, rng: np.random.Generator) -> Tensor:
    return grid * torch.tensor([[-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]][rng.integers(3)])


def _strong_lens(grid: Tensor, rng: np.random.Generator) -> Tensor:
    radius = grid.square().sum(-1, keepdim=True) / 4  # squared, in image widths
    return grid * (1 + rng.uniform(-1, 1) * (radius + radius.square()))


# The official code's operations, and the probability of each to be applied where it is drawn.
_OFFICIAL: tuple[tuple[_Operation, float], ...] = (
    (_quarter_turn, 0.5 * 3 / 4),  # none is one of four turns
    (_any_flip, 0.5),
    (_transpose, 0.5),
    (_strong_lens, 1.0),
    (_noise, 0.2),
    (_blur, 0.2),
    (_affine, 0.2),
    (_ripple, 0.2),
    (_tone, 0.3),
    (_colour, 0.3),
)

_Pixels = tuple[np.ndarray, np.ndarray]
"""Rows and columns."""


def _place(
    mask: np.ndarray, foreground: np.ndarray, rng: np.random.Generator
) -> tuple[_Pixels, _Pixels]:
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


def _scatter(
    mask: np.ndarray, foreground: np.ndarray, rng: np.random.Generator
) -> list[tuple[_Pixels, _Pixels]]:
    """Draw where each connected region goes: pixels to take and to replace (official code)."""
    if not mask.any():
        return []
    if (mask & foreground).sum() > int(_INSIDE * mask.sum()):
        return [(mask.nonzero(), mask.nonzero())]
    labelled, _ = ndimage.label(mask, np.ones((3, 3)))
    regions = [np.argwhere(labelled == i + 1) for i in range(labelled.max())]
    # Only centres from which the largest region would not leave the image.
    margin = np.max([np.ptp(region, axis=0) // 2 for region in regions], axis=0)
    central = np.zeros_like(foreground)
    central[tuple(slice(m, side - m) for m, side in zip(margin, mask.shape, strict=True))] = True
    centres = np.argwhere(foreground & central)
    if not len(centres):
        return [(mask.nonzero(), mask.nonzero())]
    moves = []
    for region in regions:
        moved = region - region.mean(0).astype(int) + centres[rng.integers(len(centres))]
        inside = ((moved >= 0) & (moved < mask.shape)).all(1)
        moves.append((tuple(region[inside].T), tuple(moved[inside].T)))
    return moves
