import pytest
import torch
from torch import Tensor

from netspace import fields as module
from netspace.archs import Siren
from netspace.fields import CHUNK, TOLERANCE, EightBits, Kernel, kernel, network_field, prepare
from netspace.functional import run
from netspace.runtime import can_compile
from netspace.zoo import Zoo

CPU = torch.device("cpu")


def error(zoo: Zoo, field: module.Field, theta: Tensor, points: Tensor) -> float:
    """The largest difference to plain float32 evaluation where a surface may be."""
    exact = run(zoo.arch, theta[None], points)[0]
    near = exact.abs() < 0.1
    assert near.sum() > 50
    return float((field(points) - exact)[near].abs().max())


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("count", [600, CHUNK + 1, 3 * CHUNK])
def test_fields_answer_as_the_plain_evaluation_to_a_tenth_of_a_cell(
    zoo: Zoo, count: int, alone: bool, generator: torch.Generator
) -> None:
    theta, points = zoo.theta([0])[0], 2 * torch.rand(count, 3, generator=generator) - 1
    assert error(zoo, network_field(zoo.arch, theta, alone), theta, points) < TOLERANCE * 2


@pytest.mark.skipif(not can_compile(), reason="no C++ compiler")
def test_a_prepared_kernel_answers_alike_for_every_network_and_number_of_points(
    zoo: Zoo, generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU."""
    monkeypatch.setattr(module, "fast_product", lambda _: torch.bfloat16)
    mine = Kernel(zoo.arch, CPU)
    mine.compiles = True
    assert not mine.prepared
    assert mine.prepare()
    assert mine.prepared
    for index, count in ((0, 600), (6, CHUNK), (3, 2 * CHUNK + 700), (0, 4000)):
        theta, points = zoo.theta([index])[0], 2 * torch.rand(count, 3, generator=generator) - 1
        answers = mine.field(theta)(points)
        assert answers.shape == (count,)
        assert error(zoo, mine.field(theta), theta, points) < TOLERANCE * 2


def test_a_network_that_half_precision_would_change_is_evaluated_exactly(generator: torch.Generator) -> None:
    arch = Siren(hidden=(64, 64))
    mine, theta = Kernel(arch, CPU), 4 * arch.initial(1, generator)[0]
    points = 2 * torch.rand(700, 3, generator=generator) - 1
    torch.testing.assert_close(mine.field(theta)(points), run(arch, theta[None], points)[0], atol=1e-4, rtol=1e-4)


def test_a_cpu_has_nothing_to_prepare_but_what_was_built_when_it_was_installed(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "can_compile", lambda: False)
    for built in (object(), None):
        monkeypatch.setattr(module, "library", lambda built=built: built)
        assert Kernel(zoo.arch, CPU).prepare() == (built is not None)


def test_without_a_compiler_nothing_is_prepared(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "can_compile", lambda: False)
    mine = Kernel(zoo.arch, CPU)
    mine.compiles = True
    assert not mine.prepare()
    assert mine.field(zoo.theta([0])[0])(torch.zeros(5, 3)).shape == (5,)


eight_bits = pytest.mark.skipif(
    not EightBits.fit(Siren()), reason="no fast products of eight-bit integers, or not built"
)


def smooth_network(generator: torch.Generator, hidden: tuple[int, ...]) -> tuple[Siren, Tensor]:
    """A wide network whose answers change as slowly as distances do."""
    arch = Siren(hidden=hidden)
    theta = arch.layout.unflatten(arch.initial(1, generator)[0])
    return arch, arch.layout.flatten({name: 0.3 * value for name, value in theta.items()})


@eight_bits
@pytest.mark.parametrize("hidden", [(256, 256), (128, 160, 128), (200,), (77, 130)])
def test_eight_bits_stay_within_the_tolerance_they_are_used_for(
    hidden: tuple[int, ...], generator: torch.Generator
) -> None:
    arch, theta = smooth_network(generator, hidden)
    points, tolerance = 2 * torch.rand(3000, 3, generator=generator) - 1, 0.1 * 2 / 64
    exact = run(arch, theta[None], points)[0]
    quick, slow = (Kernel(arch, CPU).field(theta, True, within)(points) for within in (tolerance, 0.0))
    assert float((quick - exact).abs().max()) < tolerance
    torch.testing.assert_close(slow, exact, atol=1e-5, rtol=1e-4)
    assert torch.equal(quick, slow) == (len(hidden) == 1)


@eight_bits
def test_a_network_that_eight_bits_would_change_is_evaluated_exactly(generator: torch.Generator) -> None:
    arch = Siren(hidden=(256, 256))
    theta, points = 4 * arch.initial(1, generator)[0], 2 * torch.rand(700, 3, generator=generator) - 1
    answers = Kernel(arch, CPU).field(theta, True, 0.1 * 2 / 64)(points)
    torch.testing.assert_close(answers, run(arch, theta[None], points)[0], atol=1e-3, rtol=1e-3)


def in_eight_bits(arch: Siren, theta: Tensor, points: Tensor) -> Tensor:
    """What EightBits says it does, plainly and in double precision."""
    params = arch.layout.unflatten(theta.double())
    weights, biases = (
        [params[f"layers.{i}.{kind}"] for i in range(len(arch.hidden) + 1)] for kind in ("weight", "bias")
    )
    sines = torch.sin(arch.omega * (points.double() @ weights[0].T + biases[0]))
    for weight, bias in zip(weights[1:-1], biases[1:-1], strict=True):
        scales = weight.abs().amax(1, keepdim=True) / 127
        sums = (127 * sines).round() / 127 @ ((weight / scales).round() * scales).T
        sines = torch.sin(arch.omega * (sums + bias))
    return (sines @ weights[-1][0] + biases[-1]).float()


@eight_bits
@pytest.mark.parametrize("count", [1, 48, 49, 500])
@pytest.mark.parametrize("hidden", [(256, 256), (9, 1), (20, 33, 50, 7)])
def test_eight_bits_are_the_sums_of_rounded_sines_and_weights(
    hidden: tuple[int, ...], count: int, generator: torch.Generator
) -> None:
    arch, theta = smooth_network(generator, hidden)
    points = 2 * torch.rand(count, 3, generator=generator) - 1
    found, plain = EightBits(arch, theta)(points), in_eight_bits(arch, theta, points)
    rounded_otherwise = 2e-3  # a sine that lies between two of 127ths may be taken for either
    torch.testing.assert_close(found, plain, atol=rounded_otherwise, rtol=0)
    assert (found - plain).abs().mean() < rounded_otherwise / 10


def test_no_points_give_no_answers(arch: Siren, theta: Tensor) -> None:
    assert network_field(arch, theta)(torch.empty(0, 3)).shape == (0,)


def test_answers_carry_no_gradient(arch: Siren, theta: Tensor) -> None:
    assert not network_field(arch, theta.requires_grad_())(torch.rand(3, 3)).requires_grad


def test_equal_architectures_share_a_kernel() -> None:
    assert kernel(Siren(hidden=(9, 7)), CPU) is kernel(Siren(hidden=(9, 7)), CPU)
    assert kernel(Siren(hidden=(9, 7)), CPU) is not kernel(Siren(hidden=(9, 8)), CPU)


def test_preparing_is_for_the_shared_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Kernel] = []
    monkeypatch.setattr(Kernel, "prepare", lambda self: asked.append(self) or True)
    assert prepare(Siren(hidden=(5,)))
    assert asked == [kernel(Siren(hidden=(5,)), CPU)]
