"""Measure this project against what one would use otherwise, both in the same run."""

import torch
from torch import nn

from bgad.errors import InputError
from bgad.flow import ConditionalFlow

__all__ = ["freia_twin"]


def freia_twin(flow: ConditionalFlow) -> nn.Module:
    """Build the flow of the official BGAD code from FrEIA, with the parameters of `flow`.

    Parameters
    ----------
    flow : ConditionalFlow
        The flow to copy.

    Returns
    -------
    FrEIA.framework.SequenceINN
        Called with vectors (N, C) and a list of one condition (N, D).

    Raises
    ------
    InputError
        FrEIA is not installed.
    """
    try:
        from FrEIA.framework import SequenceINN
        from FrEIA.modules import AllInOneBlock
    except ImportError as error:
        raise InputError("this comparison needs FrEIA: pip install FrEIA") from error

    def subnet(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(inputs, 2 * inputs), nn.ReLU(), nn.Linear(2 * inputs, outputs)
        )

    twin = SequenceINN(flow.channels)
    for block, rotation in enumerate(flow.rotation):
        twin.append(
            AllInOneBlock,
            cond=0,
            cond_shape=(flow.condition_dim,),
            subnet_constructor=subnet,
            affine_clamping=1.9,
            global_affine_type="SOFTPLUS",
            permute_soft=True,
        )
        module = twin[block]
        first, _, second = module.subnet
        with torch.no_grad():
            first.weight.copy_(torch.cat([flow.x_weight[block], flow.condition_weight[block]], 1))
            first.bias.copy_(flow.hidden_bias[block])
            second.weight.copy_(flow.out_weight[block])
            second.bias.copy_(flow.out_bias[block])
            module.global_scale.copy_(flow.global_scale[block])
            module.global_offset.copy_(flow.global_offset[block])
            module.w_perm.copy_(rotation)
            module.w_perm_inv.copy_(rotation.T)
    return twin
