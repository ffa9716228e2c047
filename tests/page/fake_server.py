"""The HTTP contract without a model: chairs blended by their analytic SDFs. For the page, where no space is at hand."""

import base64
import hashlib
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import plotly
import torch
from fake_jobs import Jobs, points_of
from PIL import Image

from netspace.compare import likeness
from netspace.data.chairs import RANGES, Chair, ChairParams, between, random_params
from netspace.errors import EmptyLevelSet
from netspace.grids import Grid, sparse_grid
from netspace.mesh import Solidity, grid_mesh, mesh_bytes
from netspace.picture import picture

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
SPACE = "chairs"
CHAIRS = 18
ARCH = {"id": "siren-3-256-256-1", "name": "siren-3-256-256-1", "parameters": 67073}
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
GENERATOR = torch.Generator().manual_seed(5)
PARAMS = {f"chair-{i:03d}": random_params(GENERATOR) for i in range(CHAIRS)}
UPLOADS: dict[str, dict] = {}
SNAPSHOTS: set[str] = set()
"""Latents of jobs that are shown, but not listed."""
R2 = {"seat_height": 0.97, "seat_width": 0.93, "back_height": 0.88, "back_tilt": 0.74, "arm_height": 0.62,
      "leg_splay": 0.51, "bars": 0.37}  # fmt: skip
ATTRIBUTES = [
    {"name": "volume", "r2": None, "low": None, "high": None},
    *({"name": name, "r2": r2, "low": RANGES[name][0], "high": RANGES[name][1]} for name, r2 in R2.items()),
]


def direction(name: str, title: str, kind: str, r2: float, low: float, high: float, unit: str = "") -> dict:
    deviation = 1.0 if kind == "component" else (high - low) / 12**0.5
    return {"name": name, "title": title, "kind": kind, "r2": r2, "low": low, "high": high, "unit": unit,
            "deviation": deviation}  # fmt: skip


DIRECTIONS = [
    *(direction(name, name.replace("_", " ").capitalize(), "attribute", r2, *RANGES[name]) for name, r2 in R2.items()),
    *(
        direction(f"pc{i}", f"Principal component {i}", "component", 0.3 / i, -2, 2, "standard deviations")
        for i in range(1, 5)
    ),
]


def content_security_policy() -> str:
    """Only the page's own files; the import map is the one inline script, allowed by its hash."""
    page = (FRONTEND / "index.html").read_text()
    inline = re.search(r'<script type="importmap">(.*?)</script>', page, re.S)
    assert inline
    digest = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )


class Problem(Exception):
    def __init__(self, status: int, slug: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}


def keep_latent(latent_id: str, name: str, params: ChairParams, *, listed: bool) -> None:
    """What a job has found."""
    PARAMS[latent_id] = params
    if not listed:
        SNAPSHOTS.add(latent_id)
        return
    UPLOADS[latent_id] = {
        "name": name, "origin": "job", "iou": 1.0, "verdict": "Found by optimising attributes.",
        "has_network": False, "properties": {},
    }  # fmt: skip


JOBS = Jobs(keep_latent, Problem)


def params_of(latent_id: str):
    if latent_id not in PARAMS:
        raise Problem(404, "not-found", "No such thing", f"no latent {latent_id!r}")
    return PARAMS[latent_id]


@lru_cache(maxsize=400)
def grid_of(a: str, b: str, t: float, of: str, resolution: int) -> Grid:
    if of == "weights" and 0.15 < t < 0.85:
        return Grid(torch.ones((resolution + 1,) * 3), 0)
    shape = Chair.of(between(params_of(a), params_of(b), min(1.0, max(0.0, t))))
    return sparse_grid(shape.sdf, resolution)


def terms_of(text: str) -> list[tuple[str, float]]:
    terms = []
    for position, term in enumerate(text.split(",")):
        name, _, value = term.rpartition(":")
        if not name:
            raise Problem(422, "bad-place", "The place cannot be read", f"term {position + 1}: expected id:weight")
        terms.append((name, float(value)))
    return terms


@lru_cache(maxsize=100)
def place_of(text: str, resolution: int) -> Grid:
    """Measures are summed as latents would be, kinds are those of the heaviest; directions add to their measure."""
    terms = terms_of(text)
    latents = [(params_of(name), weight) for name, weight in terms if not name.startswith("~")]
    measures = {name: sum(weight * getattr(params, name) for params, weight in latents) for name in RANGES}
    for name, amount in terms:
        if name.startswith("~") and name[1:] in measures:
            measures[name[1:]] += amount
    kept = {name: min(high, max(low, measures[name])) for name, (low, high) in RANGES.items()}
    heaviest = max(latents, key=lambda term: term[1])[0]
    return sparse_grid(Chair.of(replace(heaviest, **kept)).sdf, resolution)


def mesh_of(a: str, b: str, t: float, of: str, resolution: int):
    try:
        return grid_mesh(grid_of(a, b, t, of, resolution))
    except EmptyLevelSet as error:
        raise Problem(422, error.slug, error.title, str(error)) from error


def binary(mesh) -> bytes:
    head = b"NSM2" + np.array([len(mesh.vertices), len(mesh.faces), 0], "<u4").tobytes()
    positions = mesh.vertices.astype("<f2").tobytes()
    return head + positions + bytes(-len(positions) % 4) + mesh.faces.astype("<u4").tobytes()


def point(a: str, b: str, t: float, of: str) -> dict:
    solid = Solidity.of(grid_of(a, b, t, of, 64))
    return {"t": t, "architecture": ARCH["id"], "volume": solid.volume, "parts": solid.parts,
            "largest_share": solid.largest_share, "empty": solid.parts == 0}  # fmt: skip


@lru_cache(maxsize=200)
def png(latent_id: str) -> bytes:
    image = picture(mesh_of(latent_id, latent_id, 0.0, "latent", 48), 96)
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def latent(latent_id: str, single: bool = False, vector: bool = False) -> dict:
    params_of(latent_id)
    index = int(hashlib.md5(latent_id.encode()).hexdigest()[:6], 16)
    body = {
        "id": latent_id, "space": SPACE, "name": latent_id, "origin": "gallery", "created_at": "2026-01-01T00:00:00Z",
        "architecture": ARCH["id"], "iou": 0.9, "represented": True, "verdict": "Well represented.",
        "position": [index % 100 / 50 - 1, index // 100 % 100 / 50 - 1], "properties": PARAMS[latent_id].properties(),
        "has_network": latent_id not in ("chair-001", "chair-002"), "picture": f"/latents/{latent_id}/picture",
        **UPLOADS.get(latent_id, {}),
    }  # fmt: skip
    if single:
        body["nearest"] = [
            {"id": f"chair-{i:03d}", "name": f"chair-{i:03d}", "distance": 0.4 + i / 10} for i in range(4)
        ]
    if vector:
        body["vector"] = [float(index % 7), 1.0, 2.0]
    return body


def compared(a: str, b: str) -> dict:
    grids = [place_of(spot if ":" in spot else f"{spot}:1", 48) for spot in (a, b)]
    volumes = [Solidity.of(grid).volume for grid in grids]
    return {"space": SPACE, "a": a, "b": b, **asdict(likeness(*grids)), "volume_a": volumes[0], "volume_b": volumes[1],
            "latent_distance": 0.0 if a == b else 2.5}  # fmt: skip


PROJECTIONS = ["pca", "tsne"]


def map_of(projection: str) -> dict:
    if projection not in PROJECTIONS:
        raise Problem(422, "unknown-projection", "No such projection", f"expected one of {PROJECTIONS}")
    turn = 1 if projection == "pca" else -1
    points = [[i, latent(i)["position"][0] * turn, latent(i)["position"][1]] for i in PARAMS if i not in SNAPSHOTS]
    axes = [{"title": "1st component"}, {"title": "2nd component"}] if turn == 1 else [{"title": ""}, {"title": ""}]
    known = [{"name": name, "title": name.upper()} for name in PROJECTIONS]
    return {"projection": projection, "projections": known, "axes": axes, "points": points}


def keep_place(at: str, name: str) -> dict:
    place_of(at, 64)
    latent_id = "place-" + hashlib.sha256(at.encode()).hexdigest()[:8]
    PARAMS[latent_id] = params_of(at.split(",")[0].rpartition(":")[0])
    UPLOADS[latent_id] = {"name": name, "origin": "place", "has_network": False, "properties": {}}
    return latent(latent_id, single=True)


def embed(body: bytes) -> tuple[int, dict]:
    name = re.search(rb'filename="([^"]*)"', body)
    assert name
    if b"PK\x03\x04" not in body:
        detail = f"{name[1].decode()}: expected a .pt or .safetensors file, got neither"
        raise Problem(422, "not-a-checkpoint", "The file is not a readable checkpoint", detail)
    latent_id = "upload-" + hashlib.sha256(body[-4096:]).hexdigest()[:8]
    status = 200 if latent_id in UPLOADS else 201
    PARAMS.setdefault(latent_id, random_params(torch.Generator().manual_seed(99)))
    UPLOADS[latent_id] = {
        "name": name[1].decode().rsplit(".", 1)[0], "origin": "upload", "iou": 0.48, "represented": False,
        "verdict": "Badly represented: the decoded network is another shape than yours (IoU 0.48). It probably lies "
        "outside this space: another kind of object, another orientation or another scale.",
        "has_network": True, "properties": {},
    }  # fmt: skip
    return status, latent(latent_id, single=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def reply(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        values = {"Content-Type": kind, "Content-Length": str(len(content)), **headers}
        for name, value in values.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):  # the page no longer wants it
            self.close_connection = True

    def reply_json(self, status: int, body: object, kind: str = "application/json") -> None:
        self.reply(status, json.dumps(body).encode(), kind)

    def handle_call(self, call) -> None:
        try:
            call()
        except Problem as error:
            self.reply_json(error.status, error.body, "application/problem+json")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        self.handle_call(self.get)

    def do_POST(self) -> None:
        self.handle_call(self.post)

    def do_DELETE(self) -> None:
        self.handle_call(self.delete)

    def file(self, path: Path) -> None:
        if not path.is_file():
            raise Problem(404, "not-found", "No such thing", f"no file {path.name!r}")
        policy = {"Content-Security-Policy": content_security_policy()} if path.suffix == ".html" else {}
        self.reply(200, path.read_bytes(), TYPES.get(path.suffix, "application/octet-stream"), **policy)

    def get(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        match parts:
            case [""]:
                self.file(FRONTEND / "index.html")
            case ["static", *rest]:
                self.file(FRONTEND.joinpath(*rest))
            case ["vendor", "plotly.min.js"]:
                self.file(Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
            case ["vendor", "three", *rest]:
                self.file(FRONTEND.joinpath("node_modules", "three", *rest))
            case ["healthz"]:
                self.reply_json(200, {"status": "ok"})
            case ["spaces"]:
                space = {
                    "id": SPACE,
                    "title": "Chairs",
                    "latent_size": 256,
                    "architectures": [ARCH],
                    "gallery_size": CHAIRS,
                }
                self.reply_json(200, {"spaces": [space]})
            case ["spaces", _, "latents"]:
                offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
                ids = [i for i in PARAMS if i not in UPLOADS and i not in SNAPSHOTS] + list(reversed(UPLOADS))
                items = [latent(i) for i in ids[offset : offset + limit]]
                self.reply_json(200, {"total": len(ids), "offset": offset, "limit": limit, "items": items})
            case ["spaces", _, "map"]:
                self.reply_json(200, map_of(query.get("projection", PROJECTIONS[0])))
            case ["spaces", _, "attributes"]:
                self.reply_json(200, {"attributes": ATTRIBUTES})
            case ["spaces", _, "directions"]:
                self.reply_json(200, {"directions": DIRECTIONS, "fewest": 12, "least_r2": 0.3})
            case ["jobs"]:
                items = list(reversed(JOBS.jobs.values()))
                self.reply_json(200, {"total": len(items), "offset": 0, "limit": 100, "items": items})
            case ["jobs", job_id]:
                self.reply_json(200, JOBS.find(job_id))
            case ["jobs", job_id, "events"]:
                self.events(job_id, int(self.headers.get("Last-Event-ID", 0)))
            case ["latents", latent_id]:
                self.reply_json(200, latent(latent_id, True, query.get("vector") == "true"))
            case ["latents", latent_id, "picture"]:
                self.reply(200, png(latent_id), "image/png", **{"Cache-Control": "max-age=60"})
            case ["latents", _, "network"]:
                self.reply(200, b"PK\x03\x04 a network", "application/octet-stream")
            case ["mesh"]:
                self.mesh(query)
            case _:
                raise Problem(404, "not-found", "No such thing", f"nothing at {url.path!r}")

    def events(self, job_id: str, last: int) -> None:
        JOBS.streams.append((job_id, last))
        if JOBS.over(job_id, last):
            return self.reply(204, b"", "text/plain")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for part in JOBS.stream(job_id, last):
            self.wfile.write(part)

    def mesh(self, query: dict[str, str]) -> None:
        resolution, kind = int(query.get("resolution", 64)), query.get("format", "bin")
        if "at" in query:
            mesh = grid_mesh(place_of(query["at"], resolution))
        else:
            mesh = mesh_of(query["a"], query["b"], float(query["t"]), query.get("of", "latent"), resolution)
        self.reply(200, binary(mesh) if kind == "bin" else mesh_bytes(mesh, kind), "application/octet-stream")

    def post(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/embed":
            self.reply_json(*embed(body))
        elif self.path == "/points":
            name = re.search(rb'filename="([^"]*)"', body)
            assert name
            self.reply_json(201, points_of(name[1].decode(), body, Problem))
        elif self.path == "/jobs":
            asked = json.loads(body)
            self.reply_json(202, JOBS.submit(asked, params_of(asked.get("start", "chair-000"))))
        elif self.path.startswith("/jobs/"):
            _, _, job_id, what = self.path.split("/")
            self.reply_json(202, JOBS.cancel(job_id) if what == "cancel" else JOBS.resume(job_id))
        elif self.path == "/compare":
            asked = json.loads(body)
            self.reply_json(200, compared(asked["a"], asked["b"]))
        elif self.path == "/latents":
            asked = json.loads(body)
            self.reply_json(201, keep_place(asked["at"], asked["name"]))
        elif self.path == "/decode":
            self.reply(200, b"PK\x03\x04 a network", "application/octet-stream")
        else:
            asked = json.loads(body)
            ts = asked.get("ts") or np.linspace(0, 1, asked["steps"]).tolist()
            points = [point(asked["a"], asked["b"], t, asked["of"]) for t in ts]
            self.reply_json(200, {"space": SPACE, **{k: asked[k] for k in ("a", "b", "of")}, "points": points})

    def delete(self) -> None:
        latent_id = self.path.rsplit("/", 1)[1]
        if latent_id not in UPLOADS:
            raise Problem(409, "gallery-latent", "A latent of the gallery cannot be changed", latent_id)
        del UPLOADS[latent_id], PARAMS[latent_id]
        self.reply(204, b"", "text/plain")


@contextmanager
def fake_server(port: int = 0) -> Iterator[str]:
    """Serves in a thread; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with fake_server(8123) as address:
        print(address, flush=True)
        threading.Event().wait()
