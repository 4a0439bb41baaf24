"""The chain of couplings as one differentiable operation, written for speed.

Nearly all of a flow's time goes into its couplings, and in them into matrix products. So the chain
is one `torch.autograd.Function` around these products, with its backward pass by hand:

- Vectors are columns. The halves of the channels are then contiguous blocks of rows, and no
  operation runs over short strided rows.
- The positions' share of the hidden layer comes in already projected, and is broadcast over images;
  or, where few vectors share a position, as rows above the passive channels, in one product.
- Backward keeps the hidden layers rather than compute them again, and all memory comes from a small
  pool: fetching it from the system anew in each step would cost more than many of the operations.
"""

import math
from collections import deque
from typing import ClassVar

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

__all__ = ["CLAMP", "DAMPING", "couple", "prepare_readout"]

CLAMP = 1.9
"""Bound of the absolute log scale in a coupling."""

DAMPING = 0.1
"""Factor on a subnet's output, so that a new flow is close to a rotation."""

# tanh and exp by way of sigmoid and exp2, which torch computes several times faster:
# log scale = 1.9 tanh(v) = 3.8 sigmoid(2 v) - 1.9, in base 2.
_LOG2_MIN = torch.tensor(-CLAMP * math.log2(math.e), dtype=torch.float64)
_LOG2_RANGE = 2 * CLAMP * math.log2(math.e)

_relu_backward = torch.ops.aten.threshold_backward.grad_input
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


def prepare_readout(weight: Tensor, bias: Tensor) -> Tensor:
    """Arrange the second layers of the subnets as `couple` takes them.

    Parameters
    ----------
    weight : Tensor, shape (blocks, 2 * active, hidden)
        Rows for the log scale, then rows for the shift.
    bias : Tensor, shape (blocks, 2 * active)

    Returns
    -------
    Tensor, shape (blocks, 2 * active, hidden + 1)
        Damped; shift first; the bias as last column; doubled for the sigmoid in place of tanh.
    """
    log_scale, shift = torch.cat([weight, bias.unsqueeze(2)], dim=2).chunk(2, dim=1)
    return torch.cat([DAMPING * shift, 2 * DAMPING * log_scale], dim=1)


def couple(
    x: Tensor,
    condition: Tensor,
    x_weight: Tensor,
    readout: Tensor,
    scale: Tensor,
    offset: Tensor,
    rotation: Tensor,
) -> tuple[Tensor, Tensor]:
    """Send vectors through all blocks, up to the last block's global affine and rotation.

    Parameters
    ----------
    x : Tensor, shape (images, positions, C)
        Vectors; the first `passive` channels condition the others, the `active` ones.
    condition : Tensor, shape (blocks, hidden, positions) or (positions, K)
        What the condition adds to the hidden layers, bias included; or K inputs of these, the same
        for all blocks, to which no gradient flows.
    x_weight : Tensor, shape (blocks, hidden, passive) or (blocks, hidden, K + passive)
        First layers of the subnets.
    readout : Tensor, shape (blocks, 2 * active, hidden + 1)
        Second layers of the subnets, as of `prepare_readout`.
    scale, offset : Tensor, shape (blocks, C)
        Global affine after each coupling; the last block's is left to the caller.
    rotation : Tensor, shape (blocks, C, C)
        Rotation after each global affine, a constant; the last block's is left to the caller.

    Returns
    -------
    coupled : Tensor, shape (C, images, positions)
        Vectors after the last block's coupling.
    log_det : Tensor, shape (images, positions)
        Of the couplings alone, without the global affines.
    """
    inputs = (x, condition, x_weight, readout, scale, offset, rotation)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs):
        return _Couple.apply(*inputs)
    lease = _Lease(x, x_weight, keep=False)
    return _run(lease.buffers, x, condition, x_weight, readout, _mixing(scale, offset, rotation))


def _mixing(scale: Tensor, offset: Tensor, rotation: Tensor) -> Tensor:
    """Global affines and rotations as one matrix a block, the last column for a row of ones."""
    return torch.cat([rotation * scale.unsqueeze(1), rotation @ offset.unsqueeze(2)], dim=2)


def _run(
    to: "_Buffers", x: Tensor, condition: Tensor, x_weight: Tensor, readout: Tensor, mixing: Tensor
) -> tuple[Tensor, Tensor]:
    grid = x.shape[:2]
    log2_det = x.new_zeros(grid.numel())
    to.x[0].unflatten(1, grid).copy_(x.permute(2, 0, 1))
    projected = condition.unsqueeze(2) if condition.ndim == 3 else None
    if projected is None:
        for context in to.context:
            context.unflatten(1, grid).copy_(condition.T.unsqueeze(1))
    for i, (wx, wo, m) in enumerate(zip(x_weight, readout, mixing, strict=True)):
        torch.mm(wx, to.inputs[i], out=to.hidden[i])
        if projected is not None:
            to.hidden[i].unflatten(1, grid).add_(projected[i])
        to.hidden[i].relu_()
        torch.mm(wo, to.hidden_and_1[i], out=to.readout)
        torch.sigmoid(to.presigmoid, out=to.sigmoid[i])
        log2_scale = torch.add(_LOG2_MIN, to.sigmoid[i], alpha=_LOG2_RANGE, out=to.scale[i])
        log2_det.add_(log2_scale.sum(0))
        log2_scale.exp2_()
        torch.mul(to.x2[i], to.scale[i], out=to.scaled[i])
        torch.add(to.scaled[i], to.shift, out=to.x2[i])
        if i < len(mixing) - 1:
            torch.mm(m, to.x_and_1[i], out=to.x[i + 1])
    coupled = to.x[i].unflatten(1, grid).clone(memory_format=torch.contiguous_format)
    return coupled, log2_det.mul_(math.log(2)).view(grid)


class _Couple(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        x, condition, x_weight, readout, scale, offset, rotation = inputs  # as of `couple`
        mixing = _mixing(scale, offset, rotation)
        ctx.lease = _Lease(x, x_weight, keep=True)
        ctx.save_for_backward(x_weight, readout, scale, mixing)
        ctx.is_projected = condition.ndim == 3
        return _run(ctx.lease.buffers, x, condition, x_weight, readout, mixing)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, grad_coupled: Tensor, grad_log_det: Tensor
    ) -> tuple[Tensor | None, ...]:
        x_weight, readout, scale, mixing = ctx.saved_tensors
        n_blocks, n_hidden, n_inputs = x_weight.shape
        grid = grad_log_det.shape
        kept = ctx.lease.buffers
        passive = len(kept.grad1)
        grad_projected = None
        if ctx.is_projected:
            grad_projected = x_weight.new_empty(n_blocks, n_hidden, grid[1])
        grad_x_weight = x_weight.new_empty(n_blocks, n_inputs, n_hidden)
        grad_readout = torch.empty_like(readout)
        grad_scale, grad_offset = torch.zeros_like(scale), torch.zeros_like(scale)
        grad_log_scale = 2 * CLAMP * grad_log_det.reshape(-1)
        kept.grad.unflatten(1, grid).copy_(grad_coupled)
        of_x1 = x_weight[:, :, n_inputs - passive :]
        back = [w.mT.unbind() for w in (of_x1, readout[:, :, :-1], mixing[:, :, :-1])]
        for i, (wx, wo, m) in reversed(list(enumerate(zip(*back, strict=True)))):
            if i < n_blocks - 1:
                torch.mm(m, kept.grad_next, out=kept.grad)
                torch.linalg.vecdot(kept.grad, kept.x[i], out=grad_scale[i])
                torch.sum(kept.grad, 1, out=grad_offset[i])
            grad_sigmoid = torch.addcmul(
                grad_log_scale, kept.grad2, kept.scaled[i], value=2 * CLAMP, out=kept.grad3
            )
            _sigmoid_backward(grad_sigmoid, kept.sigmoid[i], grad_input=grad_sigmoid)
            torch.mm(kept.grad_readout, kept.hidden_and_1[i].T, out=grad_readout[i])
            torch.mm(wo, kept.grad_readout, out=kept.grad_hidden)
            _relu_backward(kept.grad_hidden, kept.hidden[i], 0, grad_input=kept.grad_hidden)
            if grad_projected is not None:
                torch.sum(kept.grad_hidden.unflatten(1, grid), 1, out=grad_projected[i])
            torch.mm(kept.inputs[i], kept.grad_hidden.T, out=grad_x_weight[i])
            if i > 0 or ctx.needs_input_grad[0]:
                torch.mul(kept.grad2, kept.scale[i], out=kept.grad_next[passive:])
                torch.addmm(kept.grad1, wx, kept.grad_hidden, out=kept.grad_next[:passive])
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = kept.grad_next.unflatten(1, grid).permute(1, 2, 0).contiguous()
        # kept.grad was with respect to the affine's input, scale times that to its output.
        grad_scale /= scale
        grad_offset /= scale
        return grad_x, grad_projected, grad_x_weight.mT, grad_readout, grad_scale, grad_offset, None


class _Buffers:
    """Memory for one pass over n vectors as columns, mostly as lists with an array per block.

    The arrays are distinct where a backward pass is to follow (`keep`), else used again.
    """

    def __init__(
        self,
        like: Tensor,
        n: int,
        channels: int,
        blocks: int,
        hidden: int,
        inputs: int,
        keep: bool,
    ) -> None:
        def rows(*shape: int) -> Tensor:
            # Rows whose distance is a power of two would compete for the same cache lines.
            return like.new_empty(*shape, n + 16)[..., :n]

        def per_block(size: int, at_least: int = 1) -> list[Tensor]:
            distinct = blocks if keep else at_least
            return [*rows(distinct, size).unbind()] * (1 if keep else blocks)

        active = channels // 2
        passive = channels - active
        context = inputs - passive
        everything = per_block(context + channels + 1, at_least=2)
        self.context = [block[:context] for block in everything]
        self.inputs = [block[:inputs] for block in everything]  # of the hidden layers
        self.x_and_1 = [block[context:] for block in everything]
        self.x = [x[:channels] for x in self.x_and_1]
        self.x2 = [x[passive:] for x in self.x]
        self.hidden_and_1 = per_block(hidden + 1)
        self.hidden = [h[:hidden] for h in self.hidden_and_1]
        for with_1 in self.x_and_1 + self.hidden_and_1:
            with_1[-1] = 1  # multiplies the column of the offset or bias
        self.sigmoid, self.scale, self.scaled = (per_block(active) for _ in range(3))
        self.readout = rows(2 * active)
        self.shift, self.presigmoid = self.readout.split(active)
        gradients = rows(channels + active)
        self.grad1, self.grad2, self.grad3 = gradients.split([passive, active, active])
        self.grad, self.grad_readout = gradients[:channels], gradients[passive:]
        self.grad_next = rows(channels)
        self.grad_hidden = rows(hidden)


class _Lease:
    """Buffers out of a pool, given back when nothing refers to the lease any more."""

    _pool: ClassVar[deque[tuple[tuple, _Buffers]]] = deque(maxlen=4)

    def __init__(self, x: Tensor, x_weight: Tensor, keep: bool) -> None:
        sizes = (x.shape[:2].numel(), x.shape[2], *x_weight.shape)
        self.key = (x.dtype, x.device, *sizes, keep)
        # What a CUDA graph works on stays its own.
        self.is_shared = not (x.is_cuda and torch.cuda.is_current_stream_capturing())
        self.buffers = self._find() if self.is_shared else None
        if self.buffers is None:
            like = torch.empty(0, dtype=x.dtype, device=x.device)
            with torch.inference_mode(False):  # else they could not serve in training later
                self.buffers = _Buffers(like, *sizes, keep)  # type: ignore[call-arg]

    def __del__(self) -> None:
        if self.buffers is not None and self.is_shared:
            self._pool.append((self.key, self.buffers))

    def _find(self) -> _Buffers | None:
        for _ in range(len(self._pool)):
            try:
                key, buffers = self._pool.popleft()
            except IndexError:  # another thread took the last
                return None
            if key == self.key:
                return buffers
            self._pool.append((key, buffers))
        return None
