"""Couplings: gradients against finite differences, and memory that graphs do not share."""

import pytest
import torch

from bgad.coupling import couple, prepare_readout

BLOCKS, CHANNELS, HIDDEN, IMAGES, POSITIONS = 3, 5, 6, 2, 4


def make_inputs(
    seed: int = 0, dtype: torch.dtype = torch.float64, context: int = 0
) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()

    passive, active = 3, 2
    projected = normal(BLOCKS, HIDDEN, POSITIONS)
    return {
        "x": normal(IMAGES, POSITIONS, CHANNELS),
        "condition": normal(POSITIONS, context).detach() if context else projected,
        "x_weight": normal(BLOCKS, HIDDEN, context + passive),
        "readout": normal(BLOCKS, 2 * active, HIDDEN + 1),
        "scale": normal(BLOCKS, CHANNELS).detach().exp().requires_grad_(),
        "offset": normal(BLOCKS, CHANNELS),
        "rotation": torch.linalg.qr(normal(BLOCKS, CHANNELS, CHANNELS))[0].detach(),
    }


def gradients(inputs: dict[str, torch.Tensor], outputs: tuple[torch.Tensor, ...]):
    wanted = [tensor for tensor in inputs.values() if tensor.requires_grad]
    total = sum(
        (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum() for output in outputs
    )
    return torch.autograd.grad(total, wanted, allow_unused=True, retain_graph=True)


@pytest.mark.parametrize("context", [0, 2])
def test_gradients_are_those_of_finite_differences(context):
    assert torch.autograd.gradcheck(couple, tuple(make_inputs(context=context).values()))


def test_all_gradients_do_not_depend_on_which_are_asked_for():
    inputs = make_inputs()
    full = gradients(inputs, couple(**inputs))
    inputs["x"] = inputs["x"].detach()
    rest = gradients(inputs, couple(**inputs))
    for expected, actual in zip(full[1:], rest, strict=True):
        assert torch.equal(expected, actual)


@pytest.mark.parametrize("context", [0, 2])
def test_values_are_the_same_with_and_without_a_graph(context):
    inputs = make_inputs(dtype=torch.float32, context=context)
    with_graph = couple(**inputs)
    with torch.inference_mode():
        without = couple(**inputs)
    for expected, actual in zip(with_graph, without, strict=True):
        assert torch.equal(expected, actual)


def test_graphs_alive_at_once_do_not_share_memory():
    one, other = make_inputs(1), make_inputs(2)
    expected = [gradients(inputs, couple(**inputs)) for inputs in (one, other)]
    outputs = [couple(**one), couple(**other)]
    with torch.no_grad():
        couple(**one)
    for _ in range(2):  # a retained graph can be used again
        for inputs, out, grads in zip((one, other), outputs, expected, strict=True):
            for actual, wanted in zip(gradients(inputs, out), grads, strict=True):
                assert torch.equal(actual, wanted)


def test_memory_from_inference_serves_training():
    inputs = make_inputs(3)
    with torch.inference_mode():
        couple(**inputs)
    for gradient in gradients(inputs, couple(**inputs))[:-1]:
        assert gradient.isfinite().all()


def test_the_last_affine_and_rotation_are_left_out():
    inputs = make_inputs(4)
    coupled, log_det = couple(**inputs)
    for name in ("scale", "offset", "rotation"):
        changed = inputs[name].detach().clone()
        changed[-1] = 7
        again = couple(**{**inputs, name: changed})
        assert torch.equal(again[0], coupled)
        assert torch.equal(again[1], log_det)


def test_readout_is_damped_with_the_shift_first():
    weight, bias = torch.randn(2, 4, 3), torch.randn(2, 4)
    hidden = torch.randn(3)
    s, t = (0.1 * (weight @ hidden + bias)).chunk(2, dim=1)
    out = prepare_readout(weight, bias) @ torch.cat([hidden, torch.ones(1)])
    torch.testing.assert_close(out, torch.cat([t, 2 * s], dim=1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_det_is_the_sum_of_log_scales(dtype):
    inputs = make_inputs(5, dtype)
    inputs = {name: tensor[:1] if name != "x" else tensor for name, tensor in inputs.items()}
    _, log_det = couple(**inputs)
    x = inputs["x"].detach()
    jacobian = torch.autograd.functional.jacobian(
        lambda v: couple(
            **{**inputs, "x": v.view(1, 1, -1), "condition": inputs["condition"][..., :1]}
        )[0].view(-1),
        x[0, 0],
    )
    expected = torch.linalg.slogdet(jacobian).logabsdet
    torch.testing.assert_close(log_det[0, 0], expected)
