"""`python -m benchmarks [meshing training serving start]`: ratios measured side by side, as JSON and as a table.

Each benchmark runs in a process of its own, so that none warms what another measures. Nothing else should run then.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

NAMES = ("meshing", "training", "serving", "start")


def machine() -> dict:
    import torch

    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next((row.split(":")[1].strip() for row in info.read_text().splitlines() if "model name" in row), model)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": model, "cores": os.cpu_count(), "gpu": gpu, "torch": torch.__version__}


def table(results: dict) -> str:
    """Rows of figures as Markdown."""
    out = [f"Measured on {results['machine']['cores']} cores ({results['machine']['cpu']}), torch "
           f"{results['machine']['torch']}, GPU: {results['machine']['gpu'] or 'none at hand'}.", "",
           "| benchmark | figures |", "|---|---|"]  # fmt: skip
    for row in results["rows"]:
        figures = ", ".join(f"{k.replace('_', ' ')} {v:.3g}" for k, v in row.items() if k != "benchmark")
        out.append(f"| {row['benchmark']} | {figures} |")
    return "\n".join(out) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.json"))
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        print(json.dumps(importlib.import_module(f"benchmarks.{asked.alone}").measure()))
        return
    rows = []
    for name in asked.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", "--alone", name], check=True, capture_output=True, text=True
        )
        rows += json.loads(done.stdout.splitlines()[-1])
    results = {"machine": machine(), "rows": rows}
    asked.output.write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
