"""Conditional normalizing flow over single feature vectors."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from bgad.errors import InputError

__all__ = ["ConditionalFlow"]

_CLAMP = 1.9  # bound of |log scale| in a coupling
_DAMPING = 0.1  # of a subnet's output, so that a new flow is close to a rotation


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
    first. This is the block of the official BGAD code, FrEIA's ``AllInOneBlock`` (affine coupling
    of Real NVP, arXiv 1605.08803, with the soft permutation and global affine of Glow's kin), with
    equal numbers. Equal parameters of all blocks are stacked along the first axis.
    """

    def __init__(
        self,
        channels: int,
        condition_dim: int = 128,
        n_blocks: int = 8,
        generator: Generator | None = None,
    ):
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
            Encodings of these positions.

        Returns
        -------
        z : Tensor, shape (images, positions, C)
            Latent vectors.
        log_det : Tensor, shape (images, positions)
            Natural log of the absolute Jacobian determinant at each vector.
        """
        self._check(x, condition)
        scale = self._scale()
        log_det = scale.log().sum().expand(x.shape[:-1])
        projected = self._project(condition)
        for block in range(len(scale)):
            x1, x2 = self._split(x)
            log_s, t = self._subnet(block, x1, projected[block])
            log_det = log_det + log_s.sum(-1)
            x = torch.cat([x1, x2 * log_s.exp() + t], dim=-1)
            x = F.linear(x * scale[block] + self.global_offset[block], self.rotation[block])
        return x, log_det

    def inverse(self, z: Tensor, condition: Tensor) -> Tensor:
        """Map latent vectors back to feature vectors.

        Parameters
        ----------
        z : Tensor, shape (images, positions, C)
            Latent vectors.
        condition : Tensor, shape (positions, D)
            Encodings of the positions.

        Returns
        -------
        Tensor, shape (images, positions, C)
            The feature vectors which `forward` maps to `z`.
        """
        self._check(z, condition)
        scale = self._scale()
        projected = self._project(condition)
        for block in reversed(range(len(scale))):
            z = (z @ self.rotation[block] - self.global_offset[block]) / scale[block]
            x1, x2 = self._split(z)
            log_s, t = self._subnet(block, x1, projected[block])
            z = torch.cat([x1, (x2 - t) * (-log_s).exp()], dim=-1)
        return z

    def log_likelihood(self, x: Tensor, condition: Tensor) -> Tensor:
        """Log-likelihood per channel of feature vectors under a standard normal latent.

        Parameters
        ----------
        x : Tensor, shape (images, positions, C)
            Feature vectors.
        condition : Tensor, shape (positions, D)
            Encodings of the positions.

        Returns
        -------
        Tensor, shape (images, positions)
            (-C/2 ln 2π - ½‖z‖² + log_det) / C, in nats per channel, as in the official code.
        """
        z, log_det = self(x, condition)
        log_normal = -0.5 * (z.square().sum(-1) + self.channels * math.log(2 * math.pi))
        return (log_normal + log_det) / self.channels

    def _check(self, x: Tensor, condition: Tensor) -> None:
        if x.ndim != 3 or x.shape[-1] != self.channels:
            raise InputError(
                f"expected vectors of shape (images, positions, {self.channels}), "
                f"got {tuple(x.shape)}"
            )
        if condition.shape != (x.shape[1], self.condition_dim):
            raise InputError(
                f"expected a condition of shape {(x.shape[1], self.condition_dim)}, one row per "
                f"position, got {tuple(condition.shape)}"
            )

    def _scale(self) -> Tensor:
        return 0.1 * F.softplus(self.global_scale, beta=0.5)

    def _project(self, condition: Tensor) -> Tensor:
        projected = condition @ self.condition_weight.transpose(1, 2)
        return projected + self.hidden_bias.unsqueeze(1)

    def _split(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.split([self.channels - self.channels // 2, self.channels // 2], dim=-1)

    def _subnet(self, block: int, x1: Tensor, projected: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(x1 @ self.x_weight[block].T + projected)
        out = _DAMPING * F.linear(hidden, self.out_weight[block], self.out_bias[block])
        s, t = out.chunk(2, dim=-1)
        return _CLAMP * s.tanh(), t


def _random_rotations(count: int, size: int, generator: Generator | None) -> Tensor:
    """Draw rotation matrices uniformly: QR of normal matrices with a positive diagonal of R."""
    normal = torch.randn(count, size, size, dtype=torch.float64, generator=generator)
    q, r = torch.linalg.qr(normal)
    q = q * r.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)
    q[:, :, 0] *= torch.linalg.det(q).sign().unsqueeze(1)
    return q.float()
