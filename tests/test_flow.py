"""Conditional flow: invertibility, Jacobian, and FrEIA's couplings as an independent oracle."""

import copy
import math

import pytest
import torch

from bgad.errors import InputError
from bgad.flow import ConditionalFlow

IMAGES, POSITIONS, CONDITION = 3, 10, 12


def make_flow(channels: int, condition_dim: int = CONDITION, n_blocks: int = 3) -> ConditionalFlow:
    """Flow whose every parameter is away from its initial value."""
    generator = torch.Generator().manual_seed(channels)
    flow = ConditionalFlow(channels, condition_dim, n_blocks, generator)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        flow.out_weight *= 10
    return flow


def make_batch(flow: ConditionalFlow, images: int = IMAGES, positions: int = POSITIONS):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, positions, flow.channels, generator=generator)
    return x, torch.randn(positions, flow.condition_dim, generator=generator)


@pytest.fixture(params=[2, 3, 7, 24], ids="channels={}".format)
def flow(request) -> ConditionalFlow:
    return make_flow(request.param)


def test_shapes(flow):
    x, condition = make_batch(flow)
    z, log_det = flow(x, condition)
    assert z.shape == x.shape
    assert log_det.shape == flow.log_likelihood(x, condition).shape == x.shape[:2]


def test_inverse_undoes_forward(flow):
    x, condition = make_batch(flow)
    z, _ = flow(x, condition)
    torch.testing.assert_close(flow.inverse(z, condition), x, atol=1e-4, rtol=1e-4)
    z, _ = flow(flow.inverse(x, condition), condition)
    torch.testing.assert_close(z, x, atol=1e-4, rtol=1e-4)


def test_log_det_is_that_of_autograds_jacobian(flow):
    x, condition = make_batch(flow)
    _, log_det = flow(x, condition)
    for image, position in [(0, 0), (1, 4), (2, 9)]:
        jacobian = torch.autograd.functional.jacobian(
            lambda v, p=position: flow(v.view(1, 1, -1), condition[p : p + 1])[0].view(-1),
            x[image, position],
        )
        expected = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(log_det[image, position], expected, atol=1e-4, rtol=1e-4)


def test_log_likelihood_is_the_normal_density_of_z(flow):
    x, condition = make_batch(flow)
    z, log_det = flow(x, condition)
    density = torch.distributions.Normal(0, 1).log_prob(z).sum(-1) + log_det
    expected = density / flow.channels
    torch.testing.assert_close(flow.log_likelihood(x, condition), expected)


def test_log_likelihood_of_many_vectors_is_that_of_all_at_once():
    flow = make_flow(5)
    x, condition = make_batch(flow, images=9, positions=600)  # more than one pass takes
    z, log_det = flow(x, condition)
    whole = (torch.distributions.Normal(0, 1).log_prob(z).sum(-1) + log_det) / flow.channels
    in_passes = flow.log_likelihood(x, condition)
    torch.testing.assert_close(in_passes, whole)
    gradients = [
        torch.autograd.grad((likelihood**2).mean(), list(flow.parameters()))
        for likelihood in (in_passes, whole)
    ]
    for actual, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4)


def test_a_projected_condition_takes_the_place_of_the_condition(flow):
    x, condition = make_batch(flow)
    projected = flow.project(condition)
    for method in (flow.log_likelihood, flow.inverse, lambda *args: flow(*args)[0]):
        assert torch.equal(method(x, projected), method(x, condition))
    with pytest.raises(InputError, match="one row per position"):
        flow.log_likelihood(x[:, 1:], projected)


@pytest.mark.parametrize("images", [1, 3])
def test_coordinates_give_what_their_encodings_do_and_the_same_gradients(images):
    flow = make_flow(6, condition_dim=16)
    x = torch.randn(images, 2500, flow.channels)  # more than one pass takes
    coordinates, basis = torch.randn(2500, 5), torch.randn(5, 16)
    gradients = []
    for condition in ((coordinates @ basis,), (coordinates, basis)):
        likelihood = flow.log_likelihood(x, *condition)
        gradients.append(torch.autograd.grad(likelihood.square().sum(), [*flow.parameters()]))
        assert likelihood.shape == x.shape[:2]
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4 * expected.abs().max())
    with pytest.raises(InputError, match="one row per position"):
        flow.log_likelihood(x, coordinates)


def test_vectors_do_not_influence_each_other(flow):
    x, condition = make_batch(flow)
    z, log_det = flow(x, condition)
    some = torch.tensor([7, 2])
    z_some, log_det_some = flow(x[1:, some], condition[some])
    torch.testing.assert_close(z_some, z[1:, some])
    torch.testing.assert_close(log_det_some, log_det[1:, some])


def test_a_new_flow_scales_nothing_and_rotates():
    flow = ConditionalFlow(9, n_blocks=2)
    identity = torch.eye(9).expand(2, 9, 9)
    torch.testing.assert_close(flow.rotation @ flow.rotation.mT, identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(flow.rotation), torch.ones(2))
    with torch.no_grad():
        flow.out_weight.zero_()
        flow.out_bias.zero_()
    x, condition = make_batch(flow)
    z, log_det = flow(x, condition)
    torch.testing.assert_close(z.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(log_det, torch.zeros_like(log_det), atol=1e-5, rtol=0)


def test_initial_values_have_the_spread_of_torchs_linear_layers():
    flow = ConditionalFlow(24, condition_dim=128)
    inputs = 12 + 128
    for parameter, fan_in in [
        (flow.x_weight, inputs),
        (flow.condition_weight, inputs),
        (flow.hidden_bias, inputs),
        (flow.out_weight, 2 * inputs),
        (flow.out_bias, 2 * inputs),
    ]:
        bound = 1 / math.sqrt(fan_in)
        assert parameter.abs().max() <= bound
        assert parameter.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.15)


def test_a_generator_determines_the_flow():
    states = [
        ConditionalFlow(6, generator=torch.Generator().manual_seed(seed)).state_dict()
        for seed in (5, 5, 6)
    ]
    for name in states[0]:
        assert torch.equal(states[0][name], states[1][name])
    assert not torch.equal(states[0]["x_weight"], states[2]["x_weight"])
    assert not torch.equal(states[0]["rotation"], states[2]["rotation"])


def test_state_dict_round_trip(flow):
    other = ConditionalFlow(flow.channels, flow.condition_dim, len(flow.rotation))
    other.load_state_dict(copy.deepcopy(flow.state_dict()))
    x, condition = make_batch(flow)
    for ours, theirs in zip(flow(x, condition), other(x, condition), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "arguments",
    [{"channels": 1}, {"channels": 4, "n_blocks": 0}, {"channels": 4, "condition_dim": 0}],
)
def test_impossible_sizes_are_refused(arguments):
    with pytest.raises(InputError, match="at least 2 channels"):
        ConditionalFlow(**arguments)


def test_wrong_shapes_are_refused(flow):
    x, condition = make_batch(flow)
    with pytest.raises(InputError, match="images, positions"):
        flow(x[0], condition)
    with pytest.raises(InputError, match="images, positions"):
        flow.inverse(x[..., :-1], condition)
    with pytest.raises(InputError, match="one row per position"):
        flow.log_likelihood(x, condition[:-1])


# Against FrEIA's SequenceINN of AllInOneBlocks


def freia_twin(flow: ConditionalFlow) -> torch.nn.Module:
    from benchmark.measure.speed import freia_twin

    return freia_twin(flow)


def test_outputs_and_gradients_equal_those_of_freia(flow):
    twin = freia_twin(flow)
    x, condition = make_batch(flow)
    ours_x = x.clone().requires_grad_()
    theirs_x = x.flatten(0, 1).requires_grad_()
    weight_z, weight_log_det = torch.randn(x.shape), torch.randn(x.shape[:2])

    z, log_det = flow(ours_x, condition)
    ((z * weight_z).sum() + (log_det * weight_log_det).sum()).backward()
    twin_z, twin_log_det = twin(theirs_x, [condition.repeat(IMAGES, 1)])
    twin_loss = (twin_z * weight_z.flatten(0, 1)).sum()
    (twin_loss + (twin_log_det * weight_log_det.flatten()).sum()).backward()

    def assert_equal(name: str, actual: torch.Tensor, expected: torch.Tensor) -> None:
        # Sums of many terms round relative to the largest values.
        error = (actual - expected).abs().max() / expected.abs().max()
        assert error < 1e-5, f"{name} differs by {error:.1e}"

    assert_equal("z", z.flatten(0, 1), twin_z)
    assert_equal("log_det", log_det.flatten(), twin_log_det)
    assert_equal("gradient of x", ours_x.grad.flatten(0, 1), theirs_x.grad)
    passive = flow.x_weight.shape[2]
    for block, module in enumerate(twin):
        first, _, second = module.subnet
        for name, expected in {
            "x_weight": first.weight.grad[:, :passive],
            "condition_weight": first.weight.grad[:, passive:],
            "hidden_bias": first.bias.grad,
            "out_weight": second.weight.grad,
            "out_bias": second.bias.grad,
            "global_scale": module.global_scale.grad[0],
            "global_offset": module.global_offset.grad[0],
        }.items():
            actual = flow.get_parameter(name).grad[block]
            assert actual.abs().max() > 0, f"{name} of block {block} has no gradient"
            assert_equal(f"gradient of {name} in block {block}", actual, expected)
