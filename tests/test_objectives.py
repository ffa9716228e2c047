from dataclasses import replace

import pytest
import torch
from descent import losses
from torch import Tensor

from netspace.archs import Siren
from netspace.batches import Batch, BatchConfig, Batches
from netspace.behaviours import Behaviours
from netspace.functional import run
from netspace.objectives import SdfDistillation, SdfDistillationConfig, distance
from netspace.spaces import Space, SpaceConfig
from netspace.spaces.config import PrepEncoderConfig
from netspace.zoo import Zoo

PLAIN = SdfDistillationConfig(loss="mse", clamp=0.0, penalty=0.0)


@pytest.fixture
def batch(zoo: Zoo, behaviours: Behaviours) -> Batch:
    config = BatchConfig(networks=4, points=64, union_pairs=2)
    return Batches(behaviours, zoo.indices("train"), None, config).draw(torch.Generator().manual_seed(0))


def answered(batch: Batch, space: Space) -> Batch:
    """The batch as if its networks, and what lies between them, were those that the space decodes."""
    arch, z = space.architectures[0], space.encoder.embed(batch.probes)
    middle = (z[batch.ends[0]] + z[batch.ends[1]]) / 2
    return replace(
        batch,
        values=run(arch, space.decode(z).theta, batch.points),
        mid_values=run(arch, space.decode(middle).theta, batch.mid_points),
    )


@pytest.mark.parametrize("loss", ["mse", "l1"])
@pytest.mark.parametrize("clamp", [0.0, 0.1])
def test_equation_2_is_zero_for_a_network_decoded_to_itself(
    loss: str, clamp: float, space: Space, batch: Batch
) -> None:
    objective = SdfDistillation(space, replace(PLAIN, loss=loss, clamp=clamp))
    terms = objective(answered(batch, space))
    assert float(terms["distillation"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["midpoint"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["loss"]) == pytest.approx(0, abs=1e-6)


def test_equation_2_is_the_mean_square_difference_of_the_outputs(space: Space, batch: Batch) -> None:
    module, total = space.architectures[0].build(), 0.0
    z = space.encoder.embed(batch.probes)
    for i, theta in enumerate(space.decode(z).theta):
        module.load_state_dict(space.architectures[0].layout.unflatten(theta))
        total += float((module(batch.points[i]) - batch.values[i]).square().mean().detach()) / 4
    terms = SdfDistillation(space, PLAIN)(batch)
    assert float(terms["distillation"]) == pytest.approx(total, rel=1e-4)


def test_the_loss_is_the_weighted_sum_of_its_terms(space: Space, batch: Batch) -> None:
    terms = SdfDistillation(space, SdfDistillationConfig(penalty=0.3, midpoint=0.7))(batch)
    expected = terms["distillation"] + 0.3 * terms["latent_square"] + 0.7 * terms["midpoint"]
    torch.testing.assert_close(terms["loss"], expected)
    torch.testing.assert_close(terms["latent_square"], space.encoder.embed(batch.probes).square().mean())


def test_without_pairs_there_is_no_midpoint_term(space: Space, batch: Batch) -> None:
    alone = replace(batch, ends=batch.ends[:, :0], mid_points=batch.mid_points[:0], mid_values=batch.mid_values[:0])
    terms = SdfDistillation(space, PLAIN)(alone)
    assert "midpoint" not in terms
    torch.testing.assert_close(terms["loss"], SdfDistillation(space, PLAIN)(batch)["distillation"])


def test_noise_is_added_in_training_only(space: Space, batch: Batch) -> None:
    noisy = SdfDistillation(space, replace(PLAIN, noise=1.0))
    still = SdfDistillation(space, PLAIN)(batch)["loss"]
    torch.testing.assert_close(noisy.eval()(batch)["loss"], still)
    assert not torch.allclose(noisy.train()(batch)["loss"], still)


def test_answers_beyond_the_clamp_count_as_the_clamp() -> None:
    prediction, target = torch.tensor([[0.5, 0.05], [-0.5, 0.0]]), torch.tensor([[9.0, 0.0], [0.1, 0.0]])
    torch.testing.assert_close(distance(prediction, target, "l1", 0.1), torch.tensor([0.025, 0.1]))
    torch.testing.assert_close(distance(prediction, target, "l1", 0.0), torch.tensor([4.275, 0.3]))
    torch.testing.assert_close(distance(prediction, target, "mse", 0.1), torch.tensor([0.00125, 0.02]))


def test_a_few_steps_on_one_batch_lower_its_loss(space: Space, batch: Batch) -> None:
    objective = SdfDistillation(space.requires_grad_(True), SdfDistillationConfig())
    found = losses(objective, batch, space.parameters(), lr=3e-3, steps=25)
    assert found[-1] < 0.8 * found[0]


def test_every_parameter_is_trained(space: Space, batch: Batch) -> None:
    SdfDistillation(space.requires_grad_(True), PLAIN)(batch)["loss"].backward()
    assert [name for name, p in space.named_parameters() if p.grad is None] == []
    assert all(p.grad.any() for p in space.decoder.parameters() if p.grad is not None)


def test_an_encoder_that_reads_weights_is_given_the_weights(batch: Batch, zoo: Zoo) -> None:
    arch = Siren(hidden=(16, 16))
    config = SpaceConfig(name="p", title="P", latent=32, architectures=(arch,), encoder=PrepEncoderConfig(width=40))
    space = Space(config).requires_grad_(False)
    theta: Tensor = zoo.theta(batch.rows.tolist())
    objective = SdfDistillation(space, PLAIN)
    torch.testing.assert_close(objective.latents(replace(batch, theta=theta)), space.encode(theta, arch))
    assert float(objective(replace(batch, theta=theta))["loss"]) > 0


@pytest.mark.parametrize("bad", [{"loss": "l2"}, {"clamp": -0.1}])
def test_unknown_losses_and_negative_clamps_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="expected loss l1 or mse and clamp >= 0"):
        replace(PLAIN, **bad)
