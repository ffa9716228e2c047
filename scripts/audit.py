"""What ships and what is known against it: `python scripts/audit.py`, or `make audit`.

Writes build/sbom.json, a bill of materials (CycloneDX) of requirements/runtime.txt and of the page's package-lock.json.
Then asks PyPI's and OSV's advisories, through pip-audit, for known vulnerabilities. Ends with 1 if there are any, and
with 2 if nobody could be asked: the bill is written all the same.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "requirements" / "runtime.txt"
LOCK = ROOT / "frontend" / "package-lock.json"
BILL = ROOT / "build" / "sbom.json"
SERVICES = ("pypi", "osv")
FOUND = re.compile(r"Found \d+ known vulnerabilit")


def component(kind: str, name: str, version: str) -> dict[str, Any]:
    return {"type": "library", "name": name, "version": version, "purl": f"pkg:{kind}/{name}@{version}"}


def python_components(requirements: str) -> list[dict[str, Any]]:
    """Of lines `name==version`."""
    return [component("pypi", *pin) for pin in re.findall(r"^([a-z0-9.-]+)==([^\s;\\]+)", requirements, re.M)]


def page_components(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a package-lock.json, what is only for development left out."""
    installed = {path: entry for path, entry in lock["packages"].items() if path and not entry.get("dev")}
    return [component("npm", path.rsplit("node_modules/", 1)[1], entry["version"]) for path, entry in installed.items()]


def bill(version: str) -> dict[str, Any]:
    components = [*python_components(REQUIREMENTS.read_text()), *page_components(json.loads(LOCK.read_text()))]
    about = {"type": "application", "name": "netspace", "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": about},
        "components": components,
    }


def asked(service: str) -> tuple[int, str]:
    """(0, 1 or 2 as this program ends, what pip-audit said)."""
    options = ["--strict", "--disable-pip", "--require-hashes", "--progress-spinner=off", "--timeout=10"]
    command = [sys.executable, "-m", "pip_audit", "-r", str(REQUIREMENTS), "-s", service, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    said = f"{done.stdout}{done.stderr}".strip()
    return (0 if done.returncode == 0 else 1 if FOUND.search(said) else 2), said


def main() -> int:
    version = re.search(r'__version__ = "(.+)"', (ROOT / "netspace" / "__init__.py").read_text())
    assert version
    BILL.parent.mkdir(exist_ok=True)
    BILL.write_text(json.dumps(bill(version[1]), indent=2) + "\n")
    print(f"{BILL.relative_to(ROOT)}: {len(bill(version[1])['components'])} components")
    for service in SERVICES:
        code, said = asked(service)
        print(f"{service}: {said.splitlines()[-1] if code == 2 and said else said}")
        if code != 2:
            return code
    print("NOT audited: no advisory service could be reached. The bill of materials is written; audit it elsewhere.")
    return 2


if __name__ == "__main__":
    sys.exit(main())
