"""2-D sine/cosine position encoding, the condition of the flow."""

import math

import torch
from einops import rearrange
from torch import Tensor

from bgad.errors import InputError

__all__ = ["position_encoding", "span"]

_NEGLIGIBLE = 1e-7  # of the largest singular value: float32 does not show it


def position_encoding(height: int, width: int, dim: int = 128) -> Tensor:
    """Encode every cell of a feature map by the sines and cosines of its column and row.

    The first half of the channels encodes the column, the second half the row; in each half,
    channels 2i and 2i + 1 are the sine and cosine of position · 10000^(-2i / (dim / 2)).

    Parameters
    ----------
    height, width : int
        Size of the feature map in cells.
    dim : int
        Channels of the encoding, a multiple of 4.

    Returns
    -------
    Tensor of float32, shape (height * width, dim)
        One row per cell, row by row as a flattened map, values in [-1, 1].

    Raises
    ------
    InputError
        `dim` is no positive multiple of 4.

    References
    ----------
    The encoding of the official BGAD code (and of CFLOW-AD, WACV 2022); the 1-D form is that of
    "Attention Is All You Need" (NeurIPS 2017), section 3.5.
    """
    if dim < 4 or dim % 4:
        raise InputError(f"dim of a position encoding must be a positive multiple of 4, got {dim}")
    columns = _encode_axis(width, dim // 2).expand(height, width, -1)
    rows = _encode_axis(height, dim // 2).unsqueeze(1).expand(height, width, -1)
    return rearrange([columns, rows], "half h w c -> (h w) (half c)")


def span(encoding: Tensor) -> tuple[Tensor, Tensor]:
    """Write encodings by coordinates in the space that they span.

    Parameters
    ----------
    encoding : Tensor, shape (positions, D)

    Returns
    -------
    coordinates : Tensor, shape (positions, R)
    basis : Tensor, shape (R, D)
        Orthonormal rows. ``coordinates @ basis`` is `encoding` to the rounding of float32. Of a
        grid of 64 x 64 cells R is 41, of 32 x 32 it is 31, of 16 x 16 23, where D is 128: most
        frequencies are so low that they are nearly straight lines over a map.
    """
    u, values, basis = torch.linalg.svd(encoding.double(), full_matrices=False)
    kept = values > _NEGLIGIBLE * values[0]
    coordinates = (u * values)[:, kept]
    return coordinates.to(encoding), basis[kept].to(encoding)


def _encode_axis(length: int, dim: int) -> Tensor:
    frequencies = torch.exp(torch.arange(0, dim, 2) * (-math.log(10_000) / dim))
    angles = torch.arange(length).unsqueeze(1) * frequencies
    return rearrange([angles.sin(), angles.cos()], "wave n frequency -> n (frequency wave)")
