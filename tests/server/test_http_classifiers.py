"""Spaces of classifiers beside one of shapes, with images and without."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from answers import assert_problem
from classifiers import image_folder
from fastapi.testclient import TestClient
from PIL import Image
from tiny import TINY, ball, make_space
from tiny_classifiers import LENET, LINE, RESNET, VANILLA, make_classifiers, network
from work import run_here, services_of

from netspace.archs import Architecture, architecture_from_json
from netspace.archs.lenet import LeNetLike
from netspace.checkpoint import network_bytes, read_network
from netspace.classify import accuracy, agreement, predictions
from netspace.data.images import ImageSet, load_images, normalised
from netspace.evaluate_classifiers import sample
from netspace.spaces import load_space
from server.app import create_app
from server.settings import Settings

LIMIT = 1 << 20
ENDS = {"a": "cifar.net-0", "b": "cifar.net-2"}


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`cifar` of three architectures, `lenets` of one, and `tiny` of shapes."""
    root = tmp_path_factory.mktemp("all")
    make_classifiers(root / "cifar")
    make_classifiers(root / "lenets", "lenets", (LENET,))
    make_space(root / "tiny")
    return root


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def evaluation_images(images: Path) -> ImageSet:
    """The evaluation set of `seeing`: every second test image."""
    return sample(load_images(images).test, 20)


@pytest.fixture(scope="module")
def blind(
    settings_in: Callable[..., Settings], spaces: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A service without images."""
    with TestClient(
        create_app(settings_in(tmp_path_factory.mktemp("blind"), spaces=spaces, max_upload_bytes=LIMIT))
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def seeing(
    settings_in: Callable[..., Settings], spaces: Path, images: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    folder, own = tmp_path_factory.mktemp("seeing"), {"images": images, "evaluation_images": 20}
    settings = settings_in(folder, spaces=spaces, max_upload_bytes=LIMIT, **own)
    with TestClient(create_app(settings)) as opened:
        yield opened


def embedded(client: TestClient, arch: Architecture, seed: int = 9, **data: str) -> dict[str, Any]:
    files = {"file": (f"{arch.name}.pt", network_bytes(arch, network(arch, seed)))}
    answer = client.post("/embed", files=files, data=data)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def line(client: TestClient, **body: Any) -> list[dict[str, Any]]:
    answer = client.post("/interpolate", json={**ENDS, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()["points"]


def test_a_space_tells_its_task_its_objectives_and_its_measured_lines(blind: TestClient) -> None:
    found = {space["id"]: space for space in blind.get("/spaces").json()["spaces"]}
    assert {name: space["task"] for name, space in found.items()} == {
        "cifar": "classifier",
        "lenets": "classifier",
        "tiny": "sdf",
    }
    assert found["cifar"]["objectives"] == ["distill"]
    assert found["cifar"]["lines"] == [
        {"a": ENDS["a"], "b": ENDS["b"], "images": 20, "ts": [0.0, 0.5, 1.0], "weights": True}
    ]
    assert found["tiny"]["lines"] == []


def test_an_uploaded_classifier_is_recognised_and_judged(blind: TestClient, spaces: Path) -> None:
    found = embedded(blind, VANILLA)
    assert (found["space"], found["architecture"]["name"]) == ("cifar", "VanillaCNN")
    assert found["decoded_architecture"]["name"] in {"LeNetLike", "VanillaCNN", "ResNet8"}
    assert found["iou"] is None
    assert 0 <= found["agreement"] <= 1
    assert f"{found['agreement']:.0%}" in found["verdict"]
    assert {n["id"] for n in found["nearest"]} == {"cifar.net-0", "cifar.net-1", "cifar.net-2"}
    assert len(found["position"]) == 2
    space = load_space(spaces / "cifar")
    z = space.encode(network(VANILLA, 9)[None], VANILLA)
    assert (found["accuracy"], found["accuracy_from"]) == (
        pytest.approx(float(space.estimate_accuracy(z)[0]), abs=1e-4),
        "estimate",
    )


def test_with_images_agreement_and_accuracy_are_measured(
    seeing: TestClient, spaces: Path, evaluation_images: ImageSet
) -> None:
    found, theta, space = embedded(seeing, RESNET), network(RESNET, 9), load_space(spaces / "cifar")
    ((arch, twin),) = space.networks(space.decode(space.encode(theta[None], RESNET)))
    mine, its = predictions(RESNET, theta, evaluation_images), predictions(arch, twin, evaluation_images)
    assert found["accuracy_from"] == "images"
    assert found["accuracy"] == pytest.approx(accuracy(mine, evaluation_images), abs=1e-4)
    assert found["agreement"] == pytest.approx(agreement(mine, its), abs=1e-4)
    assert found["properties"]["decoded_accuracy"] == pytest.approx(accuracy(its, evaluation_images), abs=1e-4)
    assert found["decoded_architecture"]["name"] == arch.name


def test_the_kind_of_space_follows_from_what_was_recognised(blind: TestClient) -> None:
    assert embedded(blind, LENET)["space"] == "cifar"
    assert embedded(blind, LENET, space="lenets")["space"] == "lenets"
    assert embedded(blind, RESNET, space="lenets")["decoded_architecture"]["name"] == "LeNetLike"
    shape = blind.post("/embed", files={"file": ("ball.pt", network_bytes(TINY, ball(TINY, 0.6)))})
    assert shape.json()["space"] == "tiny"
    assert (shape.json()["agreement"], shape.json()["accuracy"], shape.json()["accuracy_from"]) == (None, None, None)


def test_a_network_that_no_space_can_read_is_422_in_words(blind: TestClient) -> None:
    other = LeNetLike(image_size=64, classes=200)
    files = {"file": ("tin.pt", network_bytes(other, network(other)))}
    told = assert_problem(blind.post("/embed", files=files), 422, "unknown-architecture")["detail"]
    assert other.name in told
    assert "ResNet8" in told
    for space, content in (
        ("tiny", network_bytes(LENET, network(LENET))),
        ("cifar", network_bytes(TINY, ball(TINY, 0.6))),
    ):
        answer = blind.post("/embed", files={"file": ("a.pt", content)}, data={"space": space})
        assert_problem(answer, 422, "unknown-architecture")


def test_a_measured_line_is_told_as_it_was_measured(blind: TestClient) -> None:
    points = line(blind, steps=3)
    assert [(p["accuracy"], p["accuracy_from"]) for p in points] == [(a, "gallery") for a in LINE.accuracy]
    back = line(blind, a=ENDS["b"], b=ENDS["a"], ts=[0, 0.5, 1])
    assert [p["accuracy"] for p in back] == list(LINE.accuracy[::-1])


def test_probabilities_are_the_spaces_own_and_name_every_architecture(blind: TestClient, spaces: Path) -> None:
    space = load_space(spaces / "cifar")
    a, b = (torch.tensor(blind.get(f"/latents/{ENDS[end]}?vector=true").json()["vector"]) for end in "ab")
    for point in line(blind, ts=[-0.5, 0.3, 1]):
        assert list(point["probabilities"]) == ["LeNetLike", "VanillaCNN", "ResNet8"]
        decoded = space.decode(((1 - point["t"]) * a + point["t"] * b)[None])
        assert decoded.arch_logits is not None
        assert list(point["probabilities"].values()) == pytest.approx(
            decoded.arch_logits[0].softmax(0).tolist(), abs=1e-3
        )
        assert point["architecture"] == space.architectures[int(decoded.arch_ids[0])].name


def test_without_images_other_points_are_estimates_and_say_so(blind: TestClient, spaces: Path) -> None:
    (point,) = line(blind, ts=[0.3])
    z = [blind.get(f"/latents/{ENDS[end]}?vector=true").json()["vector"] for end in "ab"]
    there = 0.7 * torch.tensor(z[:1]) + 0.3 * torch.tensor(z[1:])
    estimate = float(load_space(spaces / "cifar").estimate_accuracy(there)[0])
    assert (point["accuracy"], point["accuracy_from"]) == (pytest.approx(estimate, abs=2e-4), "estimate")


def test_with_images_other_points_are_evaluated(seeing: TestClient, evaluation_images: ImageSet) -> None:
    uploaded = embedded(seeing, VANILLA, 5)["id"]
    (point,) = line(seeing, b=uploaded, ts=[0.4])
    content = seeing.post("/decode", json={"at": f"{ENDS['a']}:0.6,{uploaded}:0.4"}).content
    right = accuracy(predictions(*read_network(content), evaluation_images), evaluation_images)
    assert (point["accuracy"], point["accuracy_from"]) == (pytest.approx(right), "images")
    assert line(seeing, b=uploaded, ts=[0.4]) == [point]


def test_raw_weights_lie_between_two_networks_of_one_architecture(
    blind: TestClient, seeing: TestClient, evaluation_images: ImageSet
) -> None:
    both = {"a": "lenets.net-0", "b": "lenets.net-2", "of": "weights"}
    known = line(blind, **both, ts=[0, 0.3, 0.5])
    assert [(p["accuracy"], p["accuracy_from"]) for p in known] == [(0.25, "gallery"), (None, None), (0.1, "gallery")]
    assert known[0]["probabilities"] == {"LeNetLike": 1.0}
    (point,) = line(seeing, **both, ts=[0.3])
    theta = 0.7 * network(LENET, 0) + 0.3 * network(LENET, 2)
    assert point["accuracy"] == pytest.approx(accuracy(predictions(LENET, theta, evaluation_images), evaluation_images))
    answer = blind.post("/interpolate", json={**ENDS, "steps": 2, "of": "weights"})
    assert "LeNetLike and ResNet8" in assert_problem(answer, 422, "shape-mismatch")["detail"]


@pytest.mark.parametrize("of", ["decoded", "input"])
def test_a_download_loads_into_a_plain_module_and_scores_what_was_promised(
    seeing: TestClient, evaluation_images: ImageSet, of: str
) -> None:
    uploaded = embedded(seeing, RESNET, 4)
    content = seeing.get(f"/latents/{uploaded['id']}/network?of={of}&format=pt").content
    file = torch.load(io.BytesIO(content), weights_only=True)
    module = architecture_from_json(file["architecture"]).build()
    module.load_state_dict(file["state_dict"])
    with torch.no_grad():
        answers = module.eval()(normalised(evaluation_images.images)).argmax(1)
    promised = uploaded["accuracy"] if of == "input" else uploaded["properties"]["decoded_accuracy"]
    assert float((answers == evaluation_images.labels).float().mean()) == pytest.approx(promised, abs=1e-4)
    classes = seeing.get(f"/latents/{uploaded['id']}/classes?of={of}").json()
    assert classes["accuracy"] == pytest.approx(promised, abs=1e-4)


def test_accuracy_is_told_class_by_class(seeing: TestClient, evaluation_images: ImageSet) -> None:
    found = seeing.get(f"/latents/{ENDS['a']}/classes?of=input").json()
    predicted = predictions(LENET, network(LENET, 0), evaluation_images)
    assert [one["name"] for one in found["classes"]] == list("abcdefghij")
    assert sum(one["images"] for one in found["classes"]) == found["images"] == len(evaluation_images)
    for label, one in enumerate(found["classes"]):
        own = evaluation_images.labels == label
        assert one["accuracy"] == pytest.approx(float((predicted[own] == label).float().mean()))


def test_accuracy_is_told_class_by_class_in_between(seeing: TestClient) -> None:
    ends = [f"/latents/{ENDS[end]}/classes?of=decoded" for end in "ab"]
    between = [f"/classes?a={ENDS['a']}&b={ENDS['b']}&t={t}" for t in (0, 1)]
    for known, asked in zip(ends, between, strict=True):
        assert seeing.get(asked).json()["classes"] == seeing.get(known).json()["classes"]
    on_line = seeing.get(f"/classes?a={ENDS['a']}&b={ENDS['b']}&t=0.25").json()
    at_place = seeing.get(f"/classes?at={ENDS['a']}:0.75,{ENDS['b']}:0.25").json()
    assert on_line == at_place
    right = sum(round(one["accuracy"] * one["images"]) for one in on_line["classes"] if one["images"])
    assert right / on_line["images"] == pytest.approx(on_line["accuracy"])


def test_what_needs_images_says_how_to_get_them(blind: TestClient) -> None:
    told = assert_problem(blind.get(f"/latents/{ENDS['a']}/classes"), 409, "images-missing")["detail"]
    assert "NETSPACE_IMAGES" in told
    assert "netspace images" in told
    answer = blind.post("/jobs", json={"objective": "distill", "start": ENDS["a"]})
    assert "netspace images" in assert_problem(answer, 409, "images-missing")["detail"]


def test_images_of_other_classes_are_not_taken_for_these(
    settings_in: Callable[..., Settings], spaces: Path, tmp_path: Path
) -> None:
    for split in ("train", "test"):
        for name in "ab":
            (tmp_path / "two" / split / name).mkdir(parents=True)
            Image.new("RGB", (32, 32)).save(tmp_path / "two" / split / name / "0.png")
    for folder, words in ((tmp_path / "two", "have 2"), (tmp_path / "none", "found none")):
        with TestClient(create_app(settings_in(tmp_path, spaces=spaces, images=folder))) as client:
            answer = client.get(f"/latents/{ENDS['a']}/classes")
            assert words in assert_problem(answer, 409, "images-missing")["detail"]
            assert line(client, ts=[0.3])[0]["accuracy_from"] == "estimate"


def test_classifiers_have_no_shape_and_shapes_no_classes(blind: TestClient) -> None:
    for path in (f"/latents/{ENDS['a']}/mesh", f"/mesh?a={ENDS['a']}&b={ENDS['b']}&t=0.5"):
        assert "no shape" in assert_problem(blind.get(path), 422, "not-a-shape")["detail"]
    assert_problem(blind.post("/compare", json=ENDS), 422, "not-a-shape")
    assert_problem(blind.get("/latents/tiny.ball-0/classes"), 422, "not-a-classifier")
    assert blind.get("/spaces/cifar/attributes").json() == {"attributes": []}


def test_a_classifiers_picture_is_a_card(blind: TestClient) -> None:
    for latent in (ENDS["a"], embedded(blind, VANILLA)["id"]):
        image = Image.open(io.BytesIO(blind.get(f"/latents/{latent}/picture").content)).convert("RGBA")
        assert image.size == (128, 128)
        assert image.getpixel((0, 0))[3] == 0
        assert image.getextrema()[3][1] == 255


def test_a_place_among_classifiers_is_kept_and_described(seeing: TestClient) -> None:
    at = f"{ENDS['a']}:0.5,{ENDS['b']}:0.5,~pc1:0.2"
    kept = seeing.post("/latents", json={"at": at, "name": "Half way"})
    assert kept.status_code == 201, kept.text
    assert kept.json()["accuracy_from"] == "images"
    assert kept.json()["agreement"] is None
    assert kept.json()["architecture"] == kept.json()["decoded_architecture"]
    assert len(seeing.get("/spaces/cifar/map").json()["points"]) >= 4


def distilled(client: TestClient, **changes: Any) -> Any:
    asked = {"objective": "distill", "start": ENDS["a"], "steps": 20, "images": 8, "validation": 10}
    return client.post("/jobs", json={**asked, **changes})


def test_a_search_by_distillation_ends_with_a_latent_that_was_tested(
    seeing: TestClient, evaluation_images: ImageSet
) -> None:
    answer = distilled(seeing, name="better")
    assert answer.status_code == 202, answer.text
    assert answer.json()["teacher"] == "cifar.net-2", "the best of the gallery"
    run_here(services_of(seeing))
    done = seeing.get(f"/jobs/{answer.json()['id']}").json()
    assert (done["status"], done["step"]) == ("done", 20)
    found = seeing.get(f"/latents/{done['result']}").json()
    content = seeing.get(f"/latents/{done['result']}/network").content
    right = accuracy(predictions(*read_network(content), evaluation_images), evaluation_images)
    assert (found["origin"], found["accuracy_from"]) == ("job", "images")
    assert found["accuracy"] == pytest.approx(right, abs=1e-4)
    assert 0 <= found["properties"]["start_accuracy"] <= 1
    assert f"{1 - done['value']:.1%}" in found["verdict"], "compared by the accuracy on validation images"


def test_an_upload_can_teach_and_is_not_deleted_meanwhile(seeing: TestClient) -> None:
    teacher = embedded(seeing, VANILLA, 3)["id"]
    job = distilled(seeing, teacher=teacher).json()["id"]
    assert_problem(seeing.delete(f"/latents/{teacher}"), 409, "latent-in-use")
    run_here(services_of(seeing))
    assert seeing.get(f"/jobs/{job}").json()["status"] == "done"
    assert seeing.delete(f"/latents/{teacher}").status_code == 204


def test_an_interrupted_distillation_ends_as_an_undisturbed_one(seeing: TestClient) -> None:
    ends = []
    for stop_after in (None, 2):
        job = distilled(seeing, seed=7).json()["id"]
        if stop_after is not None:
            run_here(services_of(seeing), stop_after, chunk_seconds=1e-3)
            assert seeing.get(f"/jobs/{job}").json()["status"] == "queued"
        run_here(services_of(seeing))
        result = seeing.get(f"/jobs/{job}").json()["result"]
        ends.append(seeing.get(f"/latents/{result}?vector=true").json()["vector"])
    torch.testing.assert_close(torch.tensor(ends[0]), torch.tensor(ends[1]), rtol=1e-4, atol=1e-4)


def test_what_cannot_be_distilled_is_refused_in_words(seeing: TestClient) -> None:
    told = assert_problem(distilled(seeing, start="tiny.ball-0"), 422, "bad-objective")["detail"]
    assert "fit_points and attributes" in told
    wrong = {"objective": "attributes", "start": ENDS["a"], "targets": {"volume": {"to": 1}}}
    assert "serves distill" in assert_problem(seeing.post("/jobs", json=wrong), 422, "bad-objective")["detail"]
    assert_problem(distilled(seeing, teacher="cifar.net-1"), 404, "no-network")
    assert_problem(distilled(seeing, teacher="tiny.ball-0"), 422, "bad-objective")
    assert_problem(distilled(seeing, teacher="nobody"), 404, "not-found")
    assert_problem(distilled(seeing, start=None), 422, "invalid-request")
