"""`python -m benchmarks [meshing training serving start page]`: ratios measured side by side, as JSON and as a table.

Each benchmark runs in a process of its own, so that none warms what another measures. Nothing else should run then.
Rows that were measured on the same machine before and are not measured now are kept.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.goals import figures, show
from netspace.files import write_json

NAMES = ("meshing", "training", "serving", "start", "page")


def machine() -> dict:
    """What decides the figures."""
    import torch

    from netspace.runtime import native_bfloat16

    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next((row.split(":")[1].strip() for row in info.read_text().splitlines() if "model name" in row), model)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    bfloat16 = native_bfloat16(torch.device("cpu"))
    return {"cpu": model, "bfloat16": bfloat16, "cores": os.cpu_count(), "gpu": gpu, "torch": torch.__version__}


def kept(path: Path, here: dict) -> dict[str, dict]:
    """Rows by benchmark that were measured on this machine before."""
    if not path.exists():
        return {}
    known = json.loads(path.read_text())
    return {row["benchmark"]: row for row in known["rows"]} if known["machine"] == here else {}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.json"))
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        print(json.dumps(importlib.import_module(f"benchmarks.{asked.alone}").measure()))
        return
    here = machine()
    rows = kept(asked.output, here)
    for name in asked.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", "--alone", name], check=True, capture_output=True, text=True
        )
        rows |= {row["benchmark"]: row for row in json.loads(done.stdout.splitlines()[-1])}
        results = {"machine": here, "rows": list(rows.values())}
        write_json(asked.output, results)
    show(results)
    print(figures(results))


if __name__ == "__main__":
    main()
