"""Write requirements/*.txt: what pyproject.toml asks for and all that this needs, at the versions installed here, and
pinned by the hashes of all files that PyPI has of them, and its own index of PyTorch. Run by `make lock`, with uv."""

import os
import re
import subprocess
import sys
import tomllib
import urllib.request
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
INDEX = os.environ.get("UV_DEFAULT_INDEX", "https://pypi.org/simple")
TORCH_INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")
TOOLS = ["pip-audit", "uv"]
HEADER = "# {what}. Written by `make lock` from pyproject.toml and .venv; do not edit.\n"


def closure(wanted: list[str]) -> dict[str, str]:
    """The version of every installed distribution that `wanted` needs, itself included, by canonical name."""
    versions: dict[str, str] = {}
    seen: set[str] = set()
    queue = [Requirement(text) for text in wanted]
    while queue:
        requirement = queue.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        dist = distribution(requirement.name)
        versions[canonicalize_name(requirement.name)] = dist.version.split("+")[0]
        for needed in map(Requirement, dist.requires or []):
            environments = [{"extra": extra} for extra in ("", *requirement.extras)]
            if needed.marker is None or any(map(needed.marker.evaluate, environments)):
                queue.append(needed)
    return versions


def hashed(wanted: list[str], *options: str) -> str:
    """The lines of a requirements file, for all platforms."""
    command = [
        os.environ.get("UV", "uv"),
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
    ]
    where = ["--universal", "--python-version", "3.11", "--index-url", INDEX]
    done = subprocess.run([*command, *where, *options, "-"], input="\n".join(wanted), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"uv could not pin {', '.join(wanted[:3])} ...:\n{done.stderr}")
    return done.stdout


def builds_for_the_cpu(version: str) -> list[str]:
    """Hashes of this version's files on PyTorch's own index. Exits where that cannot be read or has none."""
    page = f"{TORCH_INDEX}/torch/"
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:
            listed = answer.read().decode()
    except OSError as error:
        sys.exit(f"{page} lists PyTorch's builds for the CPU and could not be read: {error}")
    found = re.findall(rf'/torch-{re.escape(version)}(?:%2Bcpu)?-[^#"]*#sha256=([0-9a-f]{{64}})', listed)
    return sorted(found) or sys.exit(f"{page}: expected files of torch {version}, found none")


def write_torch(version: str) -> None:
    """One file for both indices: whichever build pip finds is one of these."""
    text = hashed([f"torch=={version}"], "--no-deps").rstrip()
    added = [f" \\\n    --hash=sha256:{one}" for one in builds_for_the_cpu(version) if one not in text]
    head = HEADER.format(what="PyTorch, from PyPI or its own index")
    (ROOT / "requirements" / "torch.txt").write_text(head + text + "".join(added) + "\n")


def write(name: str, head: str, versions: dict[str, str]) -> None:
    pins = [f"{package}=={version}" for package, version in sorted(versions.items())]
    (ROOT / "requirements" / name).write_text(head + hashed(pins, "--no-deps"))
    print(f"requirements/{name}: {len(pins)} packages")


def main() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = dict(pyproject["project"]["optional-dependencies"])
    dev = extras.pop("dev")
    extras.pop("images")  # torchvision: only to download CIFAR-10, and made for one build of PyTorch
    # The build backend too: it installs NetSpace itself, without a download of its own.
    wanted = [*pyproject["project"]["dependencies"], *pyproject["build-system"]["requires"], *chain(*extras.values())]
    runtime = closure(wanted)
    write_torch(runtime["torch"])
    write("runtime.txt", HEADER.format(what="To run NetSpace"), runtime)
    only_dev = {name: version for name, version in closure(dev).items() if name not in runtime}
    write("dev.txt", HEADER.format(what="To test and check NetSpace") + "-r runtime.txt\n", only_dev)
    tools = HEADER.format(what="To pin and audit what NetSpace needs") + hashed(TOOLS)
    (ROOT / "requirements" / "tools.txt").write_text(tools)


if __name__ == "__main__":
    main()
