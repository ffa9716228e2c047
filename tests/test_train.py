import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netspace.archs import Siren
from netspace.batches import BatchConfig
from netspace.behaviours import Behaviours
from netspace.errors import BadSpace
from netspace.objectives import SdfDistillationConfig
from netspace.spaces import SpaceConfig, load_space
from netspace.spaces.config import DictionaryDecoderConfig, PrepEncoderConfig
from netspace.spaces.decoders import details_of
from netspace.train import Progress, Run, TrainConfig, join_group, rate_at, share_done, train
from netspace.zoo import Zoo

CPU = torch.device("cpu")


@pytest.fixture
def config(space_config: SpaceConfig, behaviours: Behaviours) -> TrainConfig:  # noqa: ARG001 - sampled beforehand
    batch = BatchConfig(networks=4, points=64, union_pairs=1)
    return TrainConfig(space=space_config, batch=batch, steps=4, warmup=2, lr=1e-3)


def trained(folder: Path, config: TrainConfig, zoo: Zoo) -> tuple[Run, Progress]:
    run = Run(folder, config, zoo, CPU, fast=False)
    return run, train(run)


def test_an_interrupted_run_ends_with_the_same_weights_as_an_uninterrupted_one(
    config: TrainConfig, zoo: Zoo, tmp_path: Path
) -> None:
    whole, progress = trained(tmp_path / "whole", config, zoo)
    interrupted = Run(tmp_path / "parts", config, zoo, CPU, fast=False)
    for _ in range(2):
        interrupted.step(interrupted.objective)
    interrupted.save()
    del interrupted
    continued, continued_progress = trained(tmp_path / "parts", config, zoo)
    assert progress.step == continued_progress.step == 4
    for name, value in whole.space.state_dict().items():
        assert torch.equal(continued.space.state_dict()[name], value), name
    assert continued_progress.best == progress.best


def test_training_saves_what_continues_it_and_the_space(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    run, progress = trained(tmp_path, config, zoo)
    assert {"state.pt", "model.safetensors", "config.json", "train.json"} <= {p.name for p in tmp_path.iterdir()}
    loaded = load_space(tmp_path)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(loaded.decode(z).theta, run.space.decode(z).theta)
    assert TrainConfig.from_json(json.loads((tmp_path / "train.json").read_text())) == config
    assert progress.best == pytest.approx(run.validate()["error"], rel=1e-6)


def test_a_run_that_has_ended_knows_the_units_of_its_details(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    assert isinstance(config.space.decoder, DictionaryDecoderConfig)
    space = replace(config.space, decoder=replace(config.space.decoder, details=64))
    run = Run(tmp_path, replace(config, space=space), zoo, CPU, fast=False)
    train(run, stop_after=0)
    assert bool((details_of(load_space(tmp_path).decoder)[0].units == 0).all())
    train(run)
    units = details_of(load_space(tmp_path).decoder)[0].units
    assert bool((units > 0).all())
    assert bool(torch.isfinite(units).all())


def test_training_moves_the_weights(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    run = Run(tmp_path, config, zoo, CPU, fast=False)
    before = {name: value.clone() for name, value in run.space.state_dict().items()}
    train(run)
    for name in ("encoder.head.weight", "encoder.trunk.0.weight", "decoder.base", "decoder.large.layers_1_weight.full"):
        assert not torch.equal(run.space.state_dict()[name], before[name]), name


def test_a_finished_run_is_not_trained_further(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    first, _ = trained(tmp_path, config, zoo)
    second, progress = trained(tmp_path, config, zoo)
    assert progress.step == 4
    for name, value in first.space.state_dict().items():
        assert torch.equal(second.space.state_dict()[name], value)


def test_another_config_in_the_same_folder_is_refused_and_leaves_the_run(
    config: TrainConfig, zoo: Zoo, tmp_path: Path
) -> None:
    trained(tmp_path, config, zoo)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    with pytest.raises(BadSpace, match="other settings"):
        trained(tmp_path, replace(config, lr=2e-3), zoo)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


def test_the_seed_decides_the_run(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    short = replace(config, steps=1)
    runs = [trained(tmp_path / str(i), replace(short, seed=seed), zoo)[0] for i, seed in enumerate((0, 0, 1))]
    a, b, c = (run.space.state_dict()["encoder.head.weight"] for run in runs)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_known_midpoints_of_chairs_can_be_trained_on(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    batch = replace(config.batch, chair_pairs=1)
    _, progress = trained(tmp_path, replace(config, steps=1, midpoints=2, batch=batch), zoo)
    assert progress.step == 1


def test_a_run_can_start_from_another_spaces_weights(
    config: TrainConfig, zoo: Zoo, saved_space: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path, replace(config, start=str(saved_space), seed=7), zoo, CPU, fast=False)
    for name, value in load_space(saved_space).state_dict().items():
        assert torch.equal(run.space.state_dict()[name], value), name


def test_a_space_that_reads_weights_can_be_trained(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    space = replace(config.space, latent=32, encoder=PrepEncoderConfig(width=40, scale=10.0))
    _, progress = trained(tmp_path, replace(config, steps=1, space=space), zoo)
    assert progress.step == 1
    assert load_space(tmp_path).config.encoder == space.encoder


def test_the_last_figures_are_reported(config: TrainConfig, zoo: Zoo, tmp_path: Path) -> None:
    told: list[tuple[int, float, dict[str, float]]] = []
    run = Run(tmp_path, replace(config, steps=1), zoo, CPU, fast=False)
    train(run, lambda progress, share, figures: told.append((progress.step, share, figures)))
    step, share, figures = told[-1]
    assert (step, share) == (1, 1.0)
    assert set(figures) >= {"val_error", "val_agreement"}
    assert 0 <= figures["val_agreement"] <= 1


def test_a_configs_json_is_inverted(config: TrainConfig) -> None:
    changed = replace(config, objective=SdfDistillationConfig(loss="mse", noise=0.1), seed=3)
    assert TrainConfig.from_json(json.loads(json.dumps(changed.to_json()))) == changed


def test_what_is_left_out_of_the_json_has_its_default(space_config: SpaceConfig) -> None:
    config = TrainConfig.from_json({"space": space_config.to_json(), "minutes": 2.5})
    assert config == TrainConfig(space=space_config, minutes=2.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps or minutes"),
        ({"minutes": 3.0}, "steps or minutes"),
        ({"colour": "red"}, "colour"),
        ({"objective": {"loss": "l2"}}, "l2"),
        ({"batch": {"networks": 3}}, "even number"),
        ({"batch": {"colour": 3}}, "colour"),
        ({"space": {}}, "name"),
    ],
)
def test_json_of_no_run_is_refused_with_what_is_wrong(config: TrainConfig, change: dict, words: str) -> None:
    with pytest.raises(BadSpace, match=words):
        TrainConfig.from_json({**config.to_json(), **change})


def test_the_rate_warms_up_and_decays_to_zero_over_the_steps(config: TrainConfig) -> None:
    longer = replace(config, steps=100, warmup=10, lr=1.0)
    rates = [rate_at(longer, Progress(step=step)) for step in range(101)]
    assert rates[:9] == sorted(rates[:9])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] == pytest.approx(0.1, rel=1e-2)
    assert max(rates) > 0.95
    assert rates[100] == pytest.approx(0, abs=1e-9)


def test_minutes_are_a_budget_too(config: TrainConfig) -> None:
    timed = replace(config, steps=0, minutes=2.0)
    assert share_done(timed, Progress(step=9, seconds=60.0)) == 0.5
    assert rate_at(timed, Progress(step=9, seconds=120.0)) == pytest.approx(0, abs=1e-9)


def test_a_process_alone_joins_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_group(CPU) == CPU
    assert not torch.distributed.is_initialized()


def test_an_architecture_the_zoo_does_not_have_cannot_be_read_by_weights(
    config: TrainConfig, zoo: Zoo, tmp_path: Path
) -> None:
    arch = Siren(hidden=(12, 12))
    space = replace(config.space, latent=32, architectures=(arch,), encoder=PrepEncoderConfig(width=40))
    with pytest.raises(ValueError, match=r"theta|reads"):
        trained(tmp_path, replace(config, steps=1, space=space), zoo)
