"""GET /mesh and GET /latents/{id}/mesh."""

import io
import struct

import numpy as np
import pytest
import trimesh
from answers import assert_problem
from fastapi.testclient import TestClient

LINE = "/mesh?a=tiny.ball-0&b=tiny.ball-1"
SMALL = "resolution=24"


def unpacked(content: bytes) -> trimesh.Trimesh:
    """NSM2 as docs/design.md describes it."""
    magic, vertices, faces, zero = struct.unpack_from("<4sIII", content)
    assert (magic, zero) == (b"NSM2", 0)
    start = 16 + -(-6 * vertices // 4) * 4
    assert len(content) == start + 12 * faces
    positions = np.frombuffer(content, "<f2", 3 * vertices, 16).reshape(-1, 3).astype("<f4")
    indices = np.frombuffer(content, "<u4", 3 * faces, start).reshape(-1, 3)
    return trimesh.Trimesh(positions, indices, process=False)


def test_the_binary_mesh_is_a_solid_seen_from_outside(shared: TestClient) -> None:
    mesh = unpacked(shared.get(f"/latents/tiny.ball-0/mesh?of=input&{SMALL}").content)
    assert np.abs(mesh.vertices).max() <= 1
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=0.05), "positive: faces are counter-clockwise"


def test_the_ends_of_a_line_are_its_latents(shared: TestClient) -> None:
    for t, latent in ((0, "tiny.ball-0"), (1, "tiny.ball-1")):
        ends = [
            unpacked(shared.get(url).content) for url in (f"{LINE}&t={t}&{SMALL}", f"/latents/{latent}/mesh?{SMALL}")
        ]
        assert ends[0].volume == pytest.approx(ends[1].volume, rel=1e-3)


def test_the_line_of_raw_weights_starts_at_the_network_itself(shared: TestClient) -> None:
    url = f"/mesh?a=tiny.ball-0&b=tiny.nothing&t=0&of=weights&{SMALL}"
    assert shared.get(url).content == shared.get(f"/latents/tiny.ball-0/mesh?of=input&{SMALL}").content


@pytest.mark.parametrize("file_format", ["glb", "stl", "ply", "obj"])
def test_every_format_holds_the_same_mesh(shared: TestClient, file_format: str) -> None:
    reference = unpacked(shared.get(f"{LINE}&t=0.5&{SMALL}").content)
    answer = shared.get(f"{LINE}&t=0.5&{SMALL}&format={file_format}")
    assert answer.headers["content-disposition"].endswith(f'.{file_format}"')
    mesh = trimesh.load(io.BytesIO(answer.content), file_type=file_format, force="mesh")
    assert len(mesh.faces) == len(reference.faces)
    assert mesh.volume == pytest.approx(reference.volume, rel=1e-3)


def test_a_finer_grid_gives_more_triangles(shared: TestClient) -> None:
    sizes = [len(shared.get(f"{LINE}&resolution={resolution}").content) for resolution in (16, 32, 64)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("resolution", ["15", "257", "-1", "0", "1e9", "fine"])
@pytest.mark.parametrize("path", [LINE, "/latents/tiny.ball-0/mesh?of=decoded"])
def test_a_resolution_outside_16_to_256_is_422(shared: TestClient, path: str, resolution: str) -> None:
    problem = assert_problem(shared.get(f"{path}&resolution={resolution}"), 422, "invalid-request")
    assert problem["errors"][0]["where"] == "query.resolution"
    assert repr(resolution) in problem["detail"]


@pytest.mark.parametrize("query", ["t=-1.1", "t=2.1", "t=nan", "t=inf", "of=dreams", "format=fbx"])
def test_other_bad_parameters_are_422(shared: TestClient, query: str) -> None:
    problem = assert_problem(shared.get(f"{LINE}&{query}"), 422, "invalid-request")
    assert problem["errors"][0]["where"] == f"query.{query.partition('=')[0]}"


def test_beyond_its_ends_a_line_goes_on(shared: TestClient) -> None:
    """Its t = 1.5 is the place at -0.5 of a and 1.5 of b."""
    line = unpacked(shared.get(f"{LINE}&t=1.5&{SMALL}").content)
    place = unpacked(shared.get(f"/mesh?at=tiny.ball-0:-0.5,tiny.ball-1:1.5&{SMALL}").content)
    assert line.volume == pytest.approx(place.volume, rel=1e-3)


def test_an_unknown_or_missing_end_is_a_problem(shared: TestClient) -> None:
    assert_problem(shared.get("/mesh?a=tiny.ball-0&b=nope"), 404, "not-found")
    assert_problem(shared.get("/mesh?a=tiny.ball-0"), 422, "invalid-request")


def test_a_network_without_a_surface_is_422(shared: TestClient) -> None:
    assert_problem(shared.get(f"/latents/tiny.nothing/mesh?of=input&{SMALL}"), 422, "empty-level-set")


def test_a_client_that_has_the_mesh_is_told_so_without_any_work(
    shared: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{LINE}&t=0.5&{SMALL}"
    first = shared.get(url)
    assert "no-cache" in first.headers["cache-control"]

    def refuse(*_: object) -> None:
        raise AssertionError("a mesh was made")

    monkeypatch.setattr("server.frames.network_meshes", refuse)
    tag = first.headers["etag"]
    for sent in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = shared.get(url, headers={"if-none-match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_the_tag_is_weak_and_changes_with_every_parameter(shared: TestClient) -> None:
    others = (
        f"{LINE}&t=0.5&{SMALL}",
        f"{LINE}&t=0.25&{SMALL}",
        f"{LINE}&t=0.5&resolution=32",
        f"{LINE}&t=0.5&{SMALL}&format=stl",
        f"/mesh?a=tiny.ball-1&b=tiny.ball-0&t=0.5&{SMALL}",
        f"/mesh?a=tiny.ball-0&b=tiny.nothing&t=0.5&{SMALL}",
        f"/mesh?a=tiny.ball-0&b=tiny.nothing&t=0.01&of=weights&{SMALL}",
    )
    tags = [shared.get(url).headers["etag"] for url in others]
    assert len(set(tags)) == len(others)
    assert all(tag.startswith('W/"') for tag in tags)
