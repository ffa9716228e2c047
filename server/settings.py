"""What an operator can set: one NETSPACE_ variable for each field."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from limits import parse_many
from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Settings(BaseSettings):
    """Read from the environment; relative paths start at the working directory."""

    model_config = SettingsConfigDict(env_prefix="NETSPACE_", frozen=True, populate_by_name=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535, validation_alias=AliasChoices("NETSPACE_PORT", "PORT"))
    device: str = "auto"
    """`auto` is the first GPU if there is one; otherwise as PyTorch names devices."""
    spaces: Path = Path("checkpoints")
    """A folder of spaces, or one space."""
    database_url: str = "sqlite:///var/netspace.sqlite"
    compile: bool = True
    """On a GPU: compile the evaluation of networks when the service starts, where a compiler is installed."""
    images: Path | None = None
    """A folder of labelled images that classifiers are evaluated and distilled on; without, accuracies are those that
    ship with a space, or estimates."""
    evaluation_images: int = Field(default=1000, ge=0)
    """Test images that accuracies are measured on, 0 for all."""
    queue: int = Field(default=128, ge=1)
    """Meshes that may wait in a space's queue; more are answered 503."""
    keep_meshes: int = Field(default=64 << 20, ge=0)
    """Bytes of meshes that were made lately, for who asks for the same again; 0 keeps none."""
    patience: float = Field(default=20.0, gt=0)
    """Seconds that a request waits for a model's turn before it is answered 503."""
    max_upload_bytes: int = Field(default=64 << 20, ge=1)
    frontend: Path = Path("frontend")
    keep_uploads: Annotated[timedelta | None, NoDecode] = None
    """Like `7d`, `12h` or `30m`; uploads, points and what jobs have found are kept for ever by default."""
    api_keys: str = ""
    """`name:sha256` of every key, by commas; none: everyone may ask. `python -m server.gate NAME` makes one."""
    rate_limit: str = "3000/minute"
    """Of requests from one address, and with one key; empty for none."""
    upload_limit: str = "60/hour;300/day"
    """Of uploads and new jobs, likewise."""
    upload_quota: int = Field(default=1 << 30, ge=1)
    """Bytes of uploads that are kept for one client; more are refused until it deletes some."""
    jobs_per_client: int = Field(default=8, ge=1)
    """Jobs of one client that wait or run."""
    cors_origins: str = ""
    """Origins whose pages may read answers, separated by commas; none by default."""
    log_json: bool = False
    worker: bool = True
    """Whether `python -m server` starts a worker for the jobs beside itself."""
    jobs_per_worker: int = Field(default=1, ge=1, le=64)
    jobs_at_once: int = Field(default=16, ge=1, le=10_000)
    """Over all workers."""
    queue_length: int = Field(default=64, ge=1, le=10_000)
    """Jobs that may wait; more are refused with 429."""
    max_job_steps: int = Field(default=10_000, ge=1)
    max_job_seconds: float = Field(default=3600, gt=0)
    """Computing time after which a job ends with the best latent so far."""
    chunk_seconds: float = Field(default=1.0, gt=0, le=2)
    """Computing time between two records of a job: what is lost at most when its worker dies."""
    worker_timeout: float = Field(default=10.0, gt=0)
    """Seconds without a heartbeat after which a worker counts as dead and its jobs are taken over."""

    @property
    def key_hashes(self) -> dict[str, str]:
        """Names of API keys to the SHA-256 of each."""
        return dict(entry.strip().split(":", 1) for entry in self.api_keys.split(",") if entry.strip())

    @property
    def origins(self) -> list[str]:
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]

    @field_validator("keep_uploads", mode="before")
    @classmethod
    def _duration(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"([0-9]{1,6})([smhd])", value.strip())
        if not found or not int(found[1]):
            raise ValueError(f"expected a duration like 7d, 12h or 30m, got {value!r}")
        return timedelta(**{UNITS[found[2]]: int(found[1])})

    @field_validator("api_keys")
    @classmethod
    def _known_keys(cls, value: str) -> str:
        for entry in filter(None, map(str.strip, value.split(","))):
            if not re.fullmatch(r"[A-Za-z0-9_-]+:[0-9a-f]{64}", entry):
                raise ValueError("expected name:sha256 for every key (python -m server.gate NAME makes one)")
        return value

    @field_validator("rate_limit", "upload_limit")
    @classmethod
    def _known_limit(cls, value: str) -> str:
        if value:
            parse_many(value)
        return value
