import pytest
import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.functional import run, run_chunked, runner

ARCH = Siren(hidden=(9, 7))


def looped(theta: Tensor, inputs: Tensor) -> Tensor:
    """The reference: one nn.Module after another."""
    out = []
    for i, one in enumerate(theta):
        module = ARCH.build()
        module.load_state_dict(ARCH.layout.unflatten(one))
        out.append(module(inputs[i] if inputs.ndim == 3 else inputs))
    return torch.stack(out)


@pytest.mark.parametrize("shape", [(11, 3), (4, 11, 3)], ids=["shared inputs", "inputs per network"])
def test_batched_equals_looped(shape: tuple[int, ...], generator: torch.Generator) -> None:
    theta, inputs = ARCH.initial(4, generator), torch.rand(shape, generator=generator)
    torch.testing.assert_close(run(ARCH, theta, inputs), looped(theta, inputs))


@pytest.mark.parametrize("shape", [(11, 3), (4, 11, 3)], ids=["shared inputs", "inputs per network"])
def test_gradients_batched_equal_those_looped(shape: tuple[int, ...], generator: torch.Generator) -> None:
    theta = ARCH.initial(4, generator).requires_grad_()
    inputs = torch.rand(shape, generator=generator).requires_grad_()
    weights = torch.rand(4, 11, generator=generator)
    batched = torch.autograd.grad((run(ARCH, theta, inputs) * weights).sum(), (theta, inputs))
    for i in range(4):
        module = ARCH.build()
        module.load_state_dict(ARCH.layout.unflatten(theta[i].detach()))
        at = (inputs[i] if inputs.ndim == 3 else inputs).detach().requires_grad_()
        (module(at) * weights[i]).sum().backward()
        expected = ARCH.layout.flatten({name: p.grad for name, p in module.named_parameters()})
        torch.testing.assert_close(batched[0][i], expected, atol=1e-5, rtol=1e-4)
        if inputs.ndim == 3:
            torch.testing.assert_close(batched[1][i], at.grad, atol=1e-5, rtol=1e-4)


def test_chunks_do_not_change_the_answers(generator: torch.Generator) -> None:
    theta, points = ARCH.initial(1, generator)[0], torch.rand(25, 3, generator=generator)
    whole = run(ARCH, theta[None], points)[0]
    for chunk in (1, 7, 25, 100):
        torch.testing.assert_close(run_chunked(ARCH, theta, points, chunk), whole)


def test_no_points_give_no_answers(generator: torch.Generator) -> None:
    assert run_chunked(ARCH, ARCH.initial(1, generator)[0], torch.empty(0, 3)).shape == (0,)


def test_chunked_answers_carry_no_gradient(generator: torch.Generator) -> None:
    theta = ARCH.initial(1, generator)[0].requires_grad_()
    assert not run_chunked(ARCH, theta, torch.rand(3, 3)).requires_grad


def test_equal_architectures_share_a_runner() -> None:
    assert runner(Siren(hidden=(9, 7))) is runner(ARCH)
    assert runner(Siren(hidden=(9, 7), omega=20.0)) is not runner(ARCH)
