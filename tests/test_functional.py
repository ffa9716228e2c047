from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.functional import own_module, run

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


def test_a_thread_has_its_own_module_for_an_architecture() -> None:
    mine = own_module(ARCH)
    assert own_module(Siren(hidden=(9, 7))) is mine
    assert own_module(Siren(hidden=(9, 7), omega=20.0)) is not mine
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(own_module, ARCH).result() is not mine


def test_threads_do_not_disturb_one_another(generator: torch.Generator) -> None:
    thetas, inputs = ARCH.initial(40, generator), torch.rand(500, 3, generator=generator)
    expected = run(ARCH, thetas, inputs)
    with ThreadPoolExecutor(4) as pool:
        found = torch.cat(list(pool.map(lambda theta: run(ARCH, theta[None], inputs), thetas)))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
