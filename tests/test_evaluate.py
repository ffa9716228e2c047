import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from netspace import evaluate as module
from netspace.behaviours import Behaviours
from netspace.embedding import RefineConfig
from netspace.errors import EmptyLevelSet
from netspace.evaluate import (
    EvaluateConfig,
    Solid,
    Twin,
    breakdown,
    evaluate,
    nearest_in_zoo,
    random_pairs,
    shares,
    solid,
    summary,
)
from netspace.grids import Grid
from netspace.report import COLUMNS, table
from netspace.spaces import Space
from netspace.zoo import Zoo

CONFIG = EvaluateConfig(limit=2, pairs=1, ts=(0.25, 0.5), refine=RefineConfig(steps=2, points=64))


@pytest.fixture
def report(evaluated: Path) -> dict:
    return json.loads((evaluated / "report.json").read_text())


def make_twin(**changes: object) -> Twin:
    figures = {
        "name": "a", "source": "procedural", "base": "legs", "back": "slats", "encoder_iou": 0.5, "iou": 0.6,
        "chamfer": 0.02, "f_score": 0.7, "parts": 1, "input_parts": 1, "nearest_iou": 0.4,
    }  # fmt: skip
    return Twin(**{**figures, **changes})  # type: ignore[arg-type]


def test_the_report_has_every_part(report: dict) -> None:
    keys = {
        "space",
        "split",
        "resolution",
        "refine",
        "without_surface",
        "summary",
        "by_source",
        "by_base",
        "by_back",
        "lines",
        "networks",
    }
    assert keys <= set(report)
    assert set(COLUMNS) <= set(report["summary"])
    assert {"latent", "weights", "latent_midpoints_by_source"} <= set(report["lines"])
    assert set(report["lines"]["latent"]) == set(report["lines"]["weights"]) == {"0.25", "0.5"}
    assert set(report["lines"]["latent_midpoints_by_source"]) == {"procedural-procedural"}


def test_the_report_is_about_the_first_held_out_networks(report: dict, zoo: Zoo) -> None:
    test = zoo.indices("test")[:2]
    assert [n["name"] for n in report["networks"]] == [zoo.networks[i].name for i in test]
    assert [n["base"] for n in report["networks"]] == [zoo.networks[i].properties["base"] for i in test]
    assert report["summary"]["networks"] == 2


def test_the_summary_is_of_the_networks_figures(report: dict) -> None:
    for name in ("iou", "encoder_iou", "chamfer", "f_score", "nearest_iou"):
        assert report["summary"][name] == pytest.approx(np.mean([n[name] for n in report["networks"]]))
    assert all(n["iou"] >= n["encoder_iou"] - 1e-9 for n in report["networks"]), "refining never makes it worse"


def test_the_latents_are_kept_beside_the_report(evaluated: Path, zoo: Zoo) -> None:
    kept = load_file(evaluated / "latents.safetensors")
    assert kept["z"].shape == (2, 8)
    assert kept["rows"].tolist() == zoo.indices("test")[:2]


def test_an_interrupted_evaluation_continues(
    evaluated: Path,
    report: dict,
    zoo: Zoo,
    behaviours: Behaviours,
    space: Space,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(evaluated / "evaluation", tmp_path / "evaluation")
    monkeypatch.setattr(module, "twin", None)
    again = evaluate(space, zoo, behaviours, CONFIG, tmp_path, lambda *_: None)
    assert again == report


def test_figures_of_other_settings_are_not_reused(
    evaluated: Path, zoo: Zoo, behaviours: Behaviours, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(evaluated / "evaluation", tmp_path / "evaluation")
    made: list[int] = []

    def fake(*args: object) -> tuple[Twin, torch.Tensor]:
        made.append(args[3])  # type: ignore[arg-type]
        return make_twin(), torch.zeros(8)

    monkeypatch.setattr(module, "twin", fake)
    other = replace(CONFIG, pairs=0, refine=replace(CONFIG.refine, steps=3))
    evaluate(space, zoo, behaviours, other, tmp_path, lambda *_: None)
    assert made == zoo.indices("test")[:2]


def test_other_lines_need_no_new_figures(
    evaluated: Path, zoo: Zoo, behaviours: Behaviours, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(evaluated / "evaluation", tmp_path / "evaluation")
    monkeypatch.setattr(module, "twin", None)
    report = evaluate(space, zoo, behaviours, replace(CONFIG, pairs=0), tmp_path, lambda *_: None)
    assert report["lines"] == {}


def test_networks_without_a_surface_are_named_and_left_out(
    zoo: Zoo, behaviours: Behaviours, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = zoo.indices("test")[:2]
    empty: set[int] = {first}

    def fake(*args: object) -> tuple[Twin, torch.Tensor]:
        if args[3] in empty:
            raise EmptyLevelSet("nothing")
        return make_twin(), torch.zeros(8)

    monkeypatch.setattr(module, "twin", fake)
    report = evaluate(space, zoo, behaviours, replace(CONFIG, pairs=0), tmp_path / "a", lambda *_: None)
    assert report["without_surface"] == [zoo.networks[first].name]
    assert report["summary"]["networks"] == 1
    empty.add(second)
    with pytest.raises(EmptyLevelSet, match="got 2 without any"):
        evaluate(space, zoo, behaviours, replace(CONFIG, pairs=0), tmp_path / "b", lambda *_: None)


def test_the_nearest_network_of_a_training_network_is_itself(zoo: Zoo, behaviours: Behaviours) -> None:
    for index in zoo.indices("train"):
        assert nearest_in_zoo(zoo, behaviours, index) == index
    assert nearest_in_zoo(zoo, behaviours, zoo.indices("test")[0]) in zoo.indices("train")


def test_the_worst_are_reported_beside_the_mean() -> None:
    figures = summary([make_twin(iou=i / 10, parts=1 + (i < 3)) for i in range(11)])
    assert figures["iou"] == pytest.approx(0.5)
    assert figures["iou_worst"] == 0
    assert figures["iou_worst_tenth"] == pytest.approx(0.1)
    assert figures["one_part"] == pytest.approx(8 / 11)


def test_real_networks_are_in_no_group_of_bases() -> None:
    groups = breakdown([make_twin(), make_twin(base="star"), make_twin(source="real", base="-", back="-", iou=0.1)])
    assert set(groups["source"]) == {"procedural", "real"}
    assert set(groups["base"]) == {"legs", "star"}
    assert set(groups["back"]) == {"slats"}
    assert groups["source"]["real"]["iou"] == pytest.approx(0.1)


def test_a_point_of_a_line_without_a_surface_is_empty() -> None:
    assert solid(Grid(torch.ones(9, 9, 9), 0)).empty
    assert solid(Grid(-torch.ones(9, 9, 9), 0)).empty
    values = torch.ones(9, 9, 9)
    values[3:6, 3:6, 3:6] = -1
    assert solid(Grid(values, 0)) == Solid(empty=False, parts=1, largest_share=1.0, watertight=True)


def test_shares_count_points_of_lines() -> None:
    s = shares(
        [
            Solid(True, 0, 0.0, False),
            Solid(False, 1, 1.0, True),
            Solid(False, 3, 0.99, True),
            Solid(False, 2, 0.6, True),
        ]
    )
    assert s == {
        "points": 4, "non_empty": 0.75, "one_part": 0.25, "nearly_one_part": 0.5, "watertight": 0.75, "mean_parts": 1.5
    }  # fmt: skip


def test_random_pairs_have_distinct_ends_and_are_fixed() -> None:
    pairs = random_pairs(5, 30, seed=1)
    assert len(pairs) == 30
    assert all(a != b and 0 <= a < 5 and 0 <= b < 5 for a, b in pairs)
    assert pairs == random_pairs(5, 30, seed=1)
    assert pairs != random_pairs(5, 30, seed=2)


def test_the_table_shows_every_group_and_line(report: dict) -> None:
    text = table(report)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert f"{report['summary']['iou']:.3f}" in text
    for base in report["by_base"]:
        assert f"| base: {base} |" in text
    assert "| latents, t = 0.5 |" in text
    assert "| raw weights, t = 0.25 |" in text
    first = [
        row.count("|") for row in rows[: 3 + len(report["by_source"]) + len(report["by_base"]) + len(report["by_back"])]
    ]
    assert len(set(first)) == 1, "every row has as many cells as the heading"


def test_a_report_without_lines_has_a_table_too(report: dict) -> None:
    text = table({**report, "lines": {}})
    assert "raw weights" not in text
    assert "| all |" in text


def test_a_configs_fields_are_json() -> None:
    assert json.loads(json.dumps(asdict(CONFIG)))["refine"]["steps"] == 2
