"""Conditional normalizing flow over single feature vectors."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from bgad.coupling import CLAMP, DAMPING, couple, prepare_readout
from bgad.errors import InputError

__all__ = ["ConditionalFlow"]

# Vectors in one pass: on a CPU few enough for its cache, elsewhere many enough to fill the device.
_TILE = {"cpu": 2048}
_LARGE_TILE = 65536
_TILE_POSITIONS = 256  # at least, so that the work per position is shared by many images


class ConditionalFlow(nn.Module):
    """Chain of conditional "all-in-one" affine couplings.

    Parameters
    ----------
    channels : int
        Channels C of a feature vector, at least 2.
    condition_dim : int
        Channels D of the condition, which is shared by all images at a position.
    n_blocks : int
        Number of couplings.
    generator : torch.Generator, optional
        Source of all random initial values; torch's global one if absent.

    Raises
    ------
    InputError
        Fewer than 2 channels, no condition or no block.

    Notes
    -----
    A block splits x into x1 (with the odd channel) and x2, and computes ::

        s, t = 0.1 * (W2 relu(Wx x1 + Wp condition + b1) + b2)
        y    = R (scale * [x1, x2 * exp(1.9 tanh s) + t] + offset)

    where R is a fixed random rotation and scale = 0.1 * softplus(global_scale, beta=0.5), 1 at
    first. This is the block of the official BGAD code, ``AllInOneBlock`` of FrEIA 0.2 (affine
    coupling of Real NVP, arXiv 1605.08803, with the soft permutation and global affine of Glow's
    kin), with equal numbers. Equal parameters of all blocks are stacked along the first axis.
    """

    def __init__(
        self,
        channels: int,
        condition_dim: int = 128,
        n_blocks: int = 8,
        generator: Generator | None = None,
    ) -> None:
        if channels < 2 or condition_dim < 1 or n_blocks < 1:
            raise InputError(
                "a flow needs at least 2 channels, 1 condition channel and 1 block, "
                f"got {channels}, {condition_dim} and {n_blocks}"
            )
        super().__init__()
        self.channels = channels
        self.condition_dim = condition_dim
        passive, active = channels - channels // 2, channels // 2
        inputs = passive + condition_dim
        hidden = 2 * inputs

        def uniform(fan_in: int, *shape: int) -> nn.Parameter:  # as nn.Linear
            values = torch.empty(n_blocks, *shape)
            return nn.Parameter(values.uniform_(-1, 1, generator=generator) / math.sqrt(fan_in))

        self.x_weight = uniform(inputs, hidden, passive)
        self.condition_weight = uniform(inputs, hidden, condition_dim)
        self.hidden_bias = uniform(inputs, hidden)
        self.out_weight = uniform(hidden, 2 * active, hidden)
        self.out_bias = uniform(hidden, 2 * active)
        unit = 2 * math.log(math.expm1(5))  # 0.1 * softplus(unit, beta=0.5) = 1
        self.global_scale = nn.Parameter(torch.full((n_blocks, channels), unit))
        self.global_offset = nn.Parameter(torch.zeros(n_blocks, channels))
        self.register_buffer("rotation", _random_rotations(n_blocks, channels, generator))

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Map feature vectors to the latent space.

        Parameters
        ----------
        x : Tensor, shape (images, positions, C)
            Feature vectors, at the same positions in all images.
        condition : Tensor, shape (positions, D)
            Encodings of these positions, or what `project` makes of them.

        Returns
        -------
        z : Tensor, shape (images, positions, C)
            Latent vectors.
        log_det : Tensor, shape (images, positions)
            Natural log of the absolute Jacobian determinant at each vector.

        Raises
        ------
        InputError
            Shapes that do not fit the flow or each other.
        """
        projected = self._projected(x, condition)
        z, log_det = self._transform(x, projected, self.x_weight, self._readout(), self.scale())
        return z.permute(1, 2, 0) @ self.rotation[-1].T, log_det

    def inverse(self, z: Tensor, condition: Tensor) -> Tensor:
        """Map latent vectors back to feature vectors.

        Parameters
        ----------
        z : Tensor, shape (images, positions, C)
            Latent vectors.
        condition : Tensor, shape (positions, D)
            Encodings of the positions, or what `project` makes of them.

        Returns
        -------
        Tensor, shape (images, positions, C)
            The feature vectors which `forward` maps to `z`.

        Raises
        ------
        InputError
            Shapes that do not fit the flow or each other.
        """
        projected = self._projected(z, condition).mT
        scale = self.scale()
        passive = self.x_weight.shape[2]
        for block in reversed(range(len(scale))):
            x = (z @ self.rotation[block] - self.global_offset[block]) / scale[block]
            x1, x2 = x[..., :passive], x[..., passive:]
            hidden = F.relu(x1 @ self.x_weight[block].T + projected[block])
            out = DAMPING * F.linear(hidden, self.out_weight[block], self.out_bias[block])
            s, t = out.chunk(2, dim=-1)
            z = torch.cat([x1, (x2 - t) * (-CLAMP * s.tanh()).exp()], dim=-1)
        return z

    def log_likelihood(self, x: Tensor, condition: Tensor, basis: Tensor | None = None) -> Tensor:
        """Log-likelihood per channel of feature vectors under a standard normal latent.

        Parameters
        ----------
        x : Tensor, shape (images, positions, C)
            Feature vectors, at the same positions in all images.
        condition : Tensor, shape (positions, D)
            Encodings of these positions, or what `project` makes of them.
        basis : Tensor, shape (R, D), optional
            `condition` holds coordinates of the encodings in it, (positions, R), which cost less
            where few vectors share a position (`bgad.position.span`).

        Returns
        -------
        Tensor, shape (images, positions)
            (-C/2 ln 2π - ½‖z‖² + log_det) / C, in nats per channel, as in the official code.

        Raises
        ------
        InputError
            Shapes that do not fit the flow or each other.
        """
        x_weight = self.x_weight
        if basis is None:
            condition = self._projected(x, condition)
        else:
            self._check(x, condition, len(basis))
            of_condition = self.condition_weight @ basis.T, self.hidden_bias.unsqueeze(2)
            x_weight = torch.cat([*of_condition, x_weight], dim=2)
            condition = F.pad(condition, (0, 1), value=1.0)
        readout, scale = self._readout(), self.scale()
        tile = _TILE.get(x.device.type, _LARGE_TILE)
        n_positions = max(_TILE_POSITIONS, tile // max(1, len(x)))
        strips = []
        by_position = condition.split(n_positions, dim=2 if basis is None else 0)
        for x_strip, condition_strip in zip(x.split(n_positions, 1), by_position, strict=True):
            n_images = max(1, tile // x_strip.shape[1])
            condition_strip = condition_strip.contiguous()
            strip = []
            for part in x_strip.split(n_images):
                z, log_det = self._transform(part, condition_strip, x_weight, readout, scale)
                strip.append(log_det - 0.5 * z.square().sum(0))
            strips.append(torch.cat(strip))
        return torch.cat(strips, dim=1) / self.channels - 0.5 * math.log(2 * math.pi)

    def project(self, condition: Tensor) -> Tensor:
        """Compute what a condition adds to the hidden layers, to share it between calls.

        Parameters
        ----------
        condition : Tensor, shape (positions, D)
            Encodings of positions.

        Returns
        -------
        Tensor, shape (blocks, hidden, positions)
            Takes the condition's place in the other methods while the parameters stay the same.
        """
        batch = condition.T.expand(len(self.condition_weight), -1, -1)
        return torch.baddbmm(self.hidden_bias.unsqueeze(2), self.condition_weight, batch)

    def scale(self) -> Tensor:
        """Factors of the blocks' global affines, all positive, (blocks, C)."""
        return 0.1 * F.softplus(self.global_scale, beta=0.5)

    def _projected(self, x: Tensor, condition: Tensor) -> Tensor:
        if x.ndim == 3 and condition.shape == (*self.x_weight.shape[:2], x.shape[1]):
            self._check(x)
            return condition
        self._check(x, condition, self.condition_dim)
        return self.project(condition)

    def _check(self, x: Tensor, condition: Tensor | None = None, width: int = 0) -> None:
        if x.ndim != 3 or x.shape[2] != self.channels:
            raise InputError(
                f"expected vectors of shape (images, positions, {self.channels}), "
                f"got {tuple(x.shape)}"
            )
        if condition is not None and condition.shape != (x.shape[1], width):
            raise InputError(
                f"expected a condition of shape {(x.shape[1], width)}, one row per position, "
                f"got {tuple(condition.shape)}"
            )

    def _readout(self) -> Tensor:
        return prepare_readout(self.out_weight, self.out_bias)

    def _transform(
        self, x: Tensor, condition: Tensor, x_weight: Tensor, readout: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All but the last rotation, which changes neither norm nor volume; z (C, ...)."""
        offset = self.global_offset
        z, log_det = couple(x, condition, x_weight, readout, scale, offset, self.rotation)
        z = torch.addcmul(offset[-1, :, None, None], z, scale[-1, :, None, None])
        return z, log_det + scale.log().sum()


def _random_rotations(count: int, size: int, generator: Generator | None) -> Tensor:
    """Draw rotation matrices uniformly: QR of normal matrices with a positive diagonal of R."""
    normal = torch.randn(count, size, size, dtype=torch.float64, generator=generator)
    q, r = torch.linalg.qr(normal)
    q = q * r.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)
    q[:, :, 0] *= torch.linalg.det(q).sign().unsqueeze(1)
    return q.float()
