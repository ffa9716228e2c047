"""The page, its files and the libraries it draws with."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from answers import assert_problem
from fastapi.testclient import TestClient

from server.app import create_app
from server.reference import page_of
from server.settings import Settings

FILES = {
    "index.html": '<script type="importmap">{}</script><script src="/static/js/main.js"></script>',
    "js/main.js": "export {}",
    "css/style.css": "body {}",
    "package.json": "{}",
    ".secret": "x",
    "tests/x.test.js": "x",
    "node_modules/other/index.js": "x",
    "node_modules/three/build/three.module.js": "export const REVISION = 1",
}


@pytest.fixture(scope="module")
def site(settings_in: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service with a small front end."""
    root = tmp_path_factory.mktemp("site")
    (root / "outside.txt").write_text("x")
    for name, text in FILES.items():
        path = root / "frontend" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with TestClient(create_app(settings_in(root))) as opened:
        yield opened


def test_the_page_runs_only_its_own_scripts(site: TestClient) -> None:
    answer = site.get("/")
    assert re.sub(r"/static/-[0-9a-f]{16}/", "/static/", answer.text) == FILES["index.html"]
    assert answer.headers["content-type"].startswith("text/html")
    digest = base64.b64encode(hashlib.sha256(b"{}").digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(("path", "kind"), [("js/main.js", "text/javascript"), ("css/style.css", "text/css")])
def test_the_pages_files_are_served_and_revalidated(site: TestClient, path: str, kind: str) -> None:
    answer = site.get(f"/static/{path}")
    assert answer.text == FILES[path]
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "no-cache"
    again = site.get(f"/static/{path}", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_stamped_file_is_kept_for_good_until_any_of_the_pages_files_is_another(site: TestClient) -> None:
    (address,) = re.findall(r"/static/-[0-9a-f]{16}/js/main.js", site.get("/").text)
    kept = site.get(address)
    assert kept.text == FILES["js/main.js"]
    assert "immutable" in kept.headers["cache-control"]
    style = site.app.state.settings.frontend / "css" / "style.css"  # type: ignore[attr-defined]
    style.write_text("body { margin: 1px }")
    assert site.get(address).headers["cache-control"] == "no-cache"
    assert address not in site.get("/").text
    style.write_text(FILES["css/style.css"])


@pytest.mark.parametrize(
    "path",
    [
        "/static/-0123456789abcdef/node_modules/other/index.js",
        "/static/-0123456789abcdef/.secret",
        "/static/-0123456789abcdef/",
        "/static/node_modules/other/index.js",
        "/static/js/../node_modules/other/index.js",
        "/static/tests/x.test.js",
        "/static/.secret",
        "/static/%2e%2e/outside.txt",
        "/static/..%2foutside.txt",
        "/static/nothing.js",
        "/static/",
        "/vendor/three/%2e%2e/other/index.js",
    ],
)
def test_nothing_else_is_served(site: TestClient, path: str) -> None:
    assert_problem(site.get(path), 404, "not-found")


def test_three_comes_from_where_npm_put_it(site: TestClient) -> None:
    answer = site.get("/vendor/three/build/three.module.js")
    assert answer.text == "export const REVISION = 1"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "max-age" in answer.headers["cache-control"]


def test_plotly_comes_from_the_installed_package(site: TestClient) -> None:
    answer = site.get("/vendor/plotly.min.js")
    assert answer.status_code == 200
    assert "plotly.js" in answer.text[:200]
    assert "max-age" in answer.headers["cache-control"]


def test_without_an_installation_the_problem_says_what_to_run(shared: TestClient) -> None:
    answer = shared.get("/vendor/three/build/three.module.js")
    assert "make setup" in assert_problem(answer, 404, "not-installed")["detail"]
    assert_problem(shared.get("/static/js/main.js"), 404, "not-installed")
    assert_problem(shared.get("/"), 404, "not-installed")


def test_the_interface_is_documented_with_examples(site: TestClient) -> None:
    schemas = site.get("/openapi.json").json()["components"]["schemas"]
    for name in ("InterpolateIn", "DecodeIn"):
        assert schemas[name]["examples"]


def test_the_documentation_is_one_page_without_scripts_and_other_hosts(site: TestClient) -> None:
    answer = site.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    document = site.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in answer.text
    assert not re.search(r"<script|https?://|\son\w+=|\sstyle=", answer.text)
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    links = set(re.findall("href='#(.*?)'", answer.text))
    assert links == links & set(re.findall("<h2 id=(.*?)>", answer.text))


def test_the_documentation_shows_markup_as_text() -> None:
    document = create_app(Settings()).openapi()
    document["paths"]["/spaces"]["get"]["description"] = "<img src=x onerror=alert(1)>"
    assert "<img" not in page_of(document)


def test_a_service_without_spaces_is_alive_but_not_ready(settings_in: Callable[..., Settings], tmp_path: Path) -> None:
    with TestClient(create_app(settings_in(tmp_path, spaces=tmp_path / "none"))) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/spaces").json() == {"spaces": []}
        assert "NETSPACE_SPACES" in assert_problem(client.get("/readyz"), 503)["detail"]
        assert_problem(client.post("/embed", files={"file": ("a.pt", b"x")}), 404, "not-found")
