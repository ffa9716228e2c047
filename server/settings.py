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
    compile: bool = True
    """Compile the evaluation of networks when the service starts; without, meshes take about twice as long."""
    queue: int = Field(default=128, ge=1)
    """Meshes that may wait in a space's queue; more are answered 503."""
    max_upload_bytes: int = Field(default=64 << 20, ge=1)
    frontend: Path = Path("frontend")
