"""Examples that people copy name chairs of the gallery that ships."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GALLERY = json.loads((ROOT / "checkpoints" / "chairs" / "gallery" / "gallery.json").read_text())
KNOWN = {entry["id"] for entry in GALLERY["entries"]}
TEXTS = ["README.md", *(f"docs/{name}.md" for name in ("design", "jobs", "operations"))]
CODE = [
    "netspace/cli/options.py",
    *(f"server/schemas/{name}.py" for name in ("fields", "latents", "lines", "networks", "problems", "spaces")),
    "server/jobs/schemas.py",
    "scripts/pictures.py",
]


@pytest.mark.parametrize("path", [*TEXTS, *CODE])
def test_every_chair_that_is_named_is_in_the_gallery(path: str) -> None:
    assert set(re.findall(r"chair-\d{5}", (ROOT / path).read_text(encoding="utf-8"))) <= KNOWN
