"""The held-out report of classifiers, its tables and pictures, and what ships."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from classifiers import ARCHS, LENET, RESNET, classifier_space

from netspace.classify import accuracy, predictions
from netspace.data.images import ImageData
from netspace.embedding import embed
from netspace.errors import BadSpace, BadZoo, UnknownArchitecture
from netspace.evaluate_classifiers import ClassifierEvaluateConfig, chosen_rows, evaluate_classifiers, sample
from netspace.lso import LsoConfig
from netspace.publish_classifiers import publish_classifiers
from netspace.report_classifiers import classifier_table, read_report, results
from netspace.spaces import Gallery, Space, load_space, save_space
from netspace.spaces.config import PrepEncoderConfig
from netspace.zoo import Zoo

CONFIG = ClassifierEvaluateConfig(
    pairs=2, points=3, searches=1, lso=LsoConfig(steps=2, lr=0.05, prior=0.0), line_images=20
)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, classifier_zoo: Zoo, image_data: ImageData) -> Path:
    """An untrained space of three architectures and its report. Do not write into it."""
    return evaluated(tmp_path_factory.mktemp("several"), classifier_space(), classifier_zoo, image_data)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory, classifier_zoo: Zoo, image_data: ImageData) -> Path:
    return evaluated(tmp_path_factory.mktemp("single"), classifier_space(archs=(RESNET,)), classifier_zoo, image_data)


def evaluated(folder: Path, space: Space, zoo: Zoo, data: ImageData) -> Path:
    save_space(space, folder)
    teacher = torch.randn(len(data.train), 10, generator=torch.Generator().manual_seed(0))
    evaluate_classifiers(space.requires_grad_(False), zoo, data, teacher, CONFIG, folder, lambda *_: None)
    return folder


def test_every_held_out_network_is_measured_beside_its_twin(
    several: Path, classifier_zoo: Zoo, image_data: ImageData
) -> None:
    report, space = read_report(several), load_space(several)
    assert len(report["networks"]) == len(classifier_zoo.indices("test")) == 4
    rows = {network.name: row for row, network in enumerate(classifier_zoo.networks)}
    for figures in report["networks"]:
        arch, theta = classifier_zoo.networks[rows[figures["name"]]].arch, classifier_zoo.theta([rows[figures["name"]]])
        mine = predictions(arch, theta[0], image_data.test)
        assert figures["accuracy"] == pytest.approx(accuracy(mine, image_data.test))
        ((other, twin),) = space.networks(space.decode(space.encode(theta, arch)))
        its = predictions(other, twin, image_data.test)
        assert figures["decoded_architecture"] == other.name
        assert figures["decoded_accuracy"] == pytest.approx(accuracy(its, image_data.test))
        assert figures["agreement"] == pytest.approx(float((mine == its).float().mean()))


def test_means_are_those_of_the_networks(several: Path) -> None:
    report = read_report(several)
    for name, group in [("all", report["networks"]), *_by_architecture(report)]:
        figures = report["summary"] if name == "all" else report["by_architecture"][name]
        off = [abs(t["accuracy"] - t["decoded_accuracy"]) for t in group]
        assert figures["difference"] == pytest.approx(sum(off) / len(off))
        right = [t["architecture"] == t["decoded_architecture"] for t in group]
        assert figures["architecture_right"] == pytest.approx(sum(right) / len(right))


def _by_architecture(report: dict) -> list[tuple[str, list[dict]]]:
    names = {t["architecture"] for t in report["networks"]}
    return [(name, [t for t in report["networks"] if t["architecture"] == name]) for name in sorted(names)]


def test_lines_of_several_architectures_go_from_the_smallest_to_the_largest(several: Path) -> None:
    report = read_report(several)
    assert len(report["lines"]) == 2
    for line in report["lines"]:
        assert line["first"].startswith("lenet")
        assert line["last"].startswith("resnet8")
        assert "weights" not in line, "there is no line between weights of two architectures"
        assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in line["probabilities"])
    assert list(report["between"]) == ["LeNetLike", "VanillaCNN", "ResNet8"]


def test_lines_of_one_architecture_go_from_the_worst_to_the_best_beside_raw_weights(
    single: Path, classifier_zoo: Zoo, image_data: ImageData
) -> None:
    report = read_report(single)
    (line,) = report["lines"]
    accuracies = {t["name"]: t["accuracy"] for t in report["networks"]}
    assert accuracies[line["first"]] <= accuracies[line["last"]]
    rows = [next(i for i, n in enumerate(classifier_zoo.networks) if n.name == line[end]) for end in ("first", "last")]
    few = sample(image_data.test, 20)
    middle = classifier_zoo.theta(rows).mean(0)
    assert line["weights"][1] == pytest.approx(accuracy(predictions(RESNET, middle, few), few))
    assert report["between"] == {}


def test_searches_report_the_input_its_copy_and_what_was_found(several: Path) -> None:
    report = read_report(several)
    given = {t["name"]: t for t in report["networks"]}
    assert {s["architecture"] for s in report["searches"]} == {"LeNetLike", "ResNet8"}
    for found in report["searches"]:
        assert found["input"] == given[found["name"]]["accuracy"]
        assert found["validation"][1] >= found["validation"][0], "the best by validation is never worse"


def test_an_interrupted_evaluation_keeps_what_it_knows(
    several: Path, classifier_zoo: Zoo, image_data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_report(several)
    teacher = torch.randn(len(image_data.train), 10, generator=torch.Generator().manual_seed(0))
    for name in ("twin", "walk", "between", "search"):
        monkeypatch.setattr(f"netspace.evaluate_classifiers.{name}", lambda *_: pytest.fail("measured again"))
    again = evaluate_classifiers(
        load_space(several), classifier_zoo, image_data, teacher, CONFIG, several, lambda *_: None
    )
    assert json.loads(json.dumps(again)) == before


def test_without_a_teacher_no_latents_are_optimised(tmp_path: Path, classifier_zoo: Zoo, image_data: ImageData) -> None:
    space = classifier_space(archs=(LENET,)).requires_grad_(False)
    config = replace(CONFIG, limit=1, images=10)
    report = evaluate_classifiers(space, classifier_zoo, image_data, None, config, tmp_path, lambda *_: None)
    assert report["searches"] == []
    assert report["lines"] == [], "one network has no line"
    assert "LSO" not in classifier_table(report)


def test_images_of_a_sample_are_spread_over_the_classes(image_data: ImageData) -> None:
    assert sorted(sample(image_data.test, 10).labels.tolist()) == list(range(10))
    assert len(sample(image_data.test, 0)) == len(image_data.test)


def test_a_zoo_without_the_spaces_architectures_is_refused(classifier_zoo: Zoo) -> None:
    with pytest.raises(BadZoo, match="expected networks of split test"):
        chosen_rows(classifier_space(archs=(ARCHS[1],)), classifier_zoo, CONFIG)


def test_the_table_names_every_architecture_and_what_was_found(several: Path) -> None:
    table = classifier_table(read_report(several))
    assert table.count("\n| LeNetLike |") == 3, "in the means, between the ends, and in the searches"
    assert "| the lines' mean |" in table


def test_one_command_draws_pictures_and_tables(several: Path, single: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed"
    save_space(load_space(several), renamed)
    report = {**read_report(several), "space": "ends", "unseen": ["VanillaCNN"]}
    (renamed / "report.json").write_text(json.dumps(report))
    written = results([renamed, several, single], tmp_path / "results")
    assert {path.name for path in written} == {"ends.png", "tiny.png", "unseen.png", "classifiers.md"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written if path.suffix == ".png")
    text = (tmp_path / "results" / "classifiers.md").read_text()
    assert "## Unseen architectures" in text
    assert "| VanillaCNN | " in text


def test_a_run_that_was_not_evaluated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSpace, match="run `netspace evaluate`"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(BadSpace, match="expected the report of a space of classifiers"):
        read_report(tmp_path)


def test_what_ships_is_a_space_a_gallery_with_its_networks_and_measured_lines(
    several: Path, classifier_zoo: Zoo, tmp_path: Path
) -> None:
    said = publish_classifiers(several, classifier_zoo, tmp_path, entries=3, networks=2)
    gallery, report = Gallery.open(tmp_path / "gallery"), read_report(several)
    assert said["entries"] == len(gallery.entries) == 3
    assert len(gallery.networks) == said["networks"] == 2
    for entry in gallery.entries:
        figures = next(t for t in report["networks"] if t["name"] == entry.id)
        assert entry.agreement == pytest.approx(figures["agreement"], abs=1e-4)
        assert entry.properties["architecture"] == gallery.architecture(entry.id).name == figures["architecture"]
        torch.testing.assert_close(gallery.latent(entry.id), torch.tensor(figures["latent"]), atol=1e-3, rtol=1e-3)
        assert gallery.picture(entry.id) is None
    for name in gallery.networks:
        arch, theta = gallery.network(name)
        row = next(i for i, n in enumerate(classifier_zoo.networks) if n.name == name)
        assert arch == classifier_zoo.networks[row].arch
        torch.testing.assert_close(theta, classifier_zoo.theta([row])[0], atol=1e-3, rtol=1e-3)
    assert len(gallery.lines) == said["lines"] >= 1
    line = gallery.lines[0]
    assert gallery.line(line.first, line.last) == line
    back = gallery.line(line.last, line.first)
    assert back is not None
    assert back.accuracy == line.accuracy[::-1]
    assert back.reversed() == line
    assert gallery.line(line.first, line.first) is None
    assert (tmp_path / "pictures" / "report.png").exists()
    assert load_space(tmp_path).config == load_space(several).config


def test_an_upload_is_compared_on_probe_images_and_measured_on_given_ones(
    classifier_zoo: Zoo, image_data: ImageData
) -> None:
    space = classifier_space().requires_grad_(False)
    row = classifier_zoo.indices("test")[0]
    arch, theta = classifier_zoo.networks[row].arch, classifier_zoo.theta([row])[0]
    blind, measured = embed(space, arch, theta), embed(space, arch, theta, images=image_data.test)
    torch.testing.assert_close(blind.z, space.encode(theta[None], arch)[0])
    ((other, twin),) = space.networks(space.decode(blind.z[None]))
    mine, its = (space.encoder.responses(t[None], a)[0].argmax(1) for a, t in ((arch, theta), (other, twin)))
    assert blind.figures["agreement"] == pytest.approx(float((mine == its).float().mean()))
    assert blind.figures["accuracy"] == pytest.approx(float(space.estimate_accuracy(blind.z[None])[0]))
    right = accuracy(predictions(arch, theta, image_data.test), image_data.test)
    assert measured.figures["accuracy"] == pytest.approx(right)
    assert (blind.measured, measured.measured) == (False, True)
    assert arch.name in blind.verdict or other.name in blind.verdict


@pytest.mark.parametrize(
    ("agreement", "decoded", "words", "represented"),
    [
        (0.9, "LeNetLike", "Well represented", True),
        (0.5, "LeNetLike", "Roughly represented", True),
        (0.5, "ResNet8", "Represented as a ResNet8, though yours is a LeNetLike", True),
        (0.1, "LeNetLike", "Badly represented", False),
    ],
)
def test_a_verdict_says_how_far_the_twin_predicts_the_same(
    agreement: float, decoded: str, words: str, represented: bool
) -> None:
    from netspace.classifier_embedding import ClassifierEmbedding

    found = ClassifierEmbedding(torch.zeros(2), "LeNetLike", decoded, agreement, 0.5, 0.5, False)
    assert found.verdict.startswith(words)
    assert f"{agreement:.0%}" in found.verdict
    assert found.represented == represented


def test_a_space_that_reads_weights_has_no_probes_to_compare_on(classifier_zoo: Zoo) -> None:
    config = replace(classifier_space().config, latent=32, encoder=PrepEncoderConfig(width=800))
    row = classifier_zoo.indices("test")[0]
    with pytest.raises(UnknownArchitecture, match="images are needed"):
        embed(Space(config).requires_grad_(False), classifier_zoo.networks[row].arch, classifier_zoo.theta([row])[0])
