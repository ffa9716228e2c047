"""Keys, limits, headers, retention: what stands between a stranger and the service."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from answers import assert_problem
from fastapi.testclient import TestClient
from pydantic import ValidationError
from tiny import TINY, ball

from netspace.checkpoint import network_bytes
from server.app import create_app
from server.gate import client_of, key_hash, main
from server.settings import Settings
from server.store import StoredLatent, now

KEY = "a-key-of-thirty-two-bytes-or-more"
BEARER = {"Authorization": f"Bearer {KEY}"}
FILE = {"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}


@pytest.fixture
def opened(settings_in: Callable[..., Settings], tmp_path: Path) -> Callable[..., Any]:
    """opened(**settings): the service with those settings."""

    @contextmanager
    def make(**changes: Any) -> Iterator[TestClient]:
        with TestClient(create_app(settings_in(tmp_path, **changes))) as client:
            yield client

    return make


def test_with_keys_every_call_of_the_interface_needs_one(opened: Callable[..., Any]) -> None:
    with opened(api_keys=f"other:{'0' * 64}, mine:{key_hash(KEY)}") as client:
        for path in ("/spaces", "/latents/tiny.ball-0", "/mesh?a=x&b=y", "/metrics", "/openapi.json", "/nothing"):
            answer = client.get(path)
            assert "Bearer" in assert_problem(answer, 401, "unauthorized")["detail"]
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/spaces", headers=BEARER).status_code == 200
        assert_problem(client.post("/embed", files=FILE), 401)
        assert client.post("/embed", files=FILE, headers=BEARER).status_code == 201
        for path in ("/healthz", "/readyz"):
            assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer x",
        "Bearer",
        f"Basic {KEY}",
        KEY,
        f"Bearer {key_hash(KEY)}",
        "Bearer \xff".encode("latin-1"),
    ],
)
def test_anything_but_the_key_is_refused(opened: Callable[..., Any], sent: Any) -> None:
    with opened(api_keys=f"mine:{key_hash(KEY)}") as client:
        assert_problem(client.get("/spaces", headers={"Authorization": sent}), 401, "unauthorized")


def test_every_known_key_is_compared_in_constant_time(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []
    real = hmac.compare_digest
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    hashes = {f"key{i}": key_hash(KEY if i == 0 else str(i)) for i in range(4)}
    with opened(api_keys=",".join(f"{name}:{kept}" for name, kept in hashes.items())) as client:
        assert client.get("/spaces", headers=BEARER).status_code == 200
    assert [kept for _, kept in compared] == list(hashes.values())


def test_a_new_key_is_printed_with_the_hash_that_admits_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["laptop"])
    key, kept = (line.split(": ")[1] for line in capsys.readouterr().out.splitlines())
    assert len(key) >= 43
    assert kept == f"laptop:{hashlib.sha256(key.encode()).hexdigest()}"
    assert Settings(api_keys=kept).key_hashes == {"laptop": key_hash(key)}


def test_too_many_requests_are_429_and_say_when_to_come_back(opened: Callable[..., Any]) -> None:
    with opened(rate_limit="3/minute") as client:
        statuses = [client.get("/spaces").status_code for _ in range(3)]
        answer = client.get("/spaces")
        assert statuses == [200, 200, 200]
        assert_problem(answer, 429, "too-many-requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 120
        assert client.get("/healthz").status_code == 200, "probes are not counted"


def test_uploads_have_a_limit_of_their_own(opened: Callable[..., Any]) -> None:
    with opened(upload_limit="2/hour") as client:
        assert [client.post("/embed", files=FILE).status_code for _ in range(2)] == [201, 200]
        assert_problem(client.post("/embed", files=FILE), 429, "too-many-requests")
        assert client.get("/spaces").status_code == 200


def test_a_key_is_limited_wherever_it_comes_from(settings_in: Callable[..., Settings], tmp_path: Path) -> None:
    app = create_app(settings_in(tmp_path, rate_limit="2/minute", api_keys=f"mine:{key_hash(KEY)}"))
    with TestClient(app, client=("10.0.0.1", 1)) as first:
        second = TestClient(app, client=("10.0.0.2", 1))
        assert [first.get("/spaces", headers=BEARER).status_code for _ in range(2)] == [200, 200]
        assert_problem(second.get("/spaces", headers=BEARER), 429)
        assert_problem(TestClient(app, client=("10.0.0.3", 1)).get("/spaces"), 401)


def test_guessing_keys_is_limited_by_address(opened: Callable[..., Any]) -> None:
    with opened(rate_limit="2/minute", api_keys=f"mine:{key_hash(KEY)}") as client:
        wrong = {"Authorization": "Bearer wrong"}
        assert [client.get("/spaces", headers=wrong).status_code for _ in range(3)] == [401, 401, 429]


def test_all_of_an_ipv6_network_is_one_client() -> None:
    def host(address: str) -> str:
        return client_of({"type": "http", "client": (address, 1)})

    assert host("2001:db8::1") == host("2001:db8::ffff:1")
    assert host("2001:db8::1") != host("2001:db8:0:1::1")
    assert host("10.0.0.1") != host("10.0.0.2")


@pytest.mark.parametrize(
    "path", ["/spaces", "/nothing", "/healthz", "/docs", "/latents/tiny.ball-0/picture", "/static/x"]
)
def test_every_answer_has_the_security_headers(shared: TestClient, path: str) -> None:
    headers = shared.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_other_origins_read_nothing_unless_they_are_named(opened: Callable[..., Any]) -> None:
    evil, known = {"Origin": "https://evil.example"}, {"Origin": "https://known.example"}
    with opened() as client:
        assert "access-control-allow-origin" not in client.get("/spaces", headers=evil).headers
        assert_problem(client.options("/spaces", headers={**evil, "Access-Control-Request-Method": "GET"}), 405)
    with opened(cors_origins="https://known.example") as client:
        assert client.get("/spaces", headers=known).headers["access-control-allow-origin"] == "https://known.example"
        assert "access-control-allow-origin" not in client.get("/spaces", headers=evil).headers


def test_a_name_is_text_wherever_it_appears(client: TestClient) -> None:
    name = '<img src=x onerror=alert(1)>"\r\nSet-Cookie: a=b'
    answer = client.post("/embed", files=FILE, data={"name": name})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["name"] == name
    saved = client.get(f"/latents/{answer.json()['id']}/network").headers
    assert "set-cookie" not in saved
    assert saved["content-disposition"] == 'attachment; filename="img-src-x-onerror-alert-1-Set-Cookie-a-b-decoded.pt"'


def test_uploads_are_forgotten_when_their_time_is_over(settings_in: Callable[..., Settings], tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with TestClient(create_app(settings)) as before:
        old, new = (
            before.post("/embed", files={"file": ("a.pt", network_bytes(TINY, ball(TINY, radius)))}).json()["id"]
            for radius in (0.5, 0.6)
        )
        with before.app.state.services.store._session() as session, session.begin():  # type: ignore[attr-defined]
            session.get(StoredLatent, old).created_at = now() - timedelta(days=8)
    keeping = settings_in(tmp_path, keep_uploads="7d")
    with TestClient(create_app(keeping)) as after:
        for _ in range(200):
            if after.get(f"/latents/{old}").status_code == 404:
                break
        assert_problem(after.get(f"/latents/{old}"), 404, "not-found")
        assert after.get(f"/latents/{new}").status_code == 200


DURATIONS = [("7d", timedelta(days=7)), ("12h", timedelta(hours=12)), ("30m", timedelta(minutes=30))]


@pytest.mark.parametrize(("text", "delta"), DURATIONS)
def test_a_duration_is_a_number_and_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, delta: timedelta) -> None:
    monkeypatch.setenv("NETSPACE_KEEP_UPLOADS", text)
    assert Settings().keep_uploads == delta


@pytest.mark.parametrize(
    "wrong",
    [{"keep_uploads": "a week"}, {"keep_uploads": "0d"}, {"api_keys": "mine:secret"}, {"rate_limit": "often"}],
    ids=str,
)
def test_a_setting_that_would_protect_nothing_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)
