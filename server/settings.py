"""What an operator can set: one NETSPACE_ variable for each field."""

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    max_upload_bytes: int = Field(default=64 << 20, ge=1)
    frontend: Path = Path("frontend")
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
