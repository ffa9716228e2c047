"""Importing the library needs no server package and changes nothing; asked of fresh interpreters."""

import json
import subprocess
import sys

CODE = """
import json, logging, os, pkgutil, sys

class Blocked:
    names = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "pydantic", "structlog", "dbos", "server"}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Blocked())
import numpy, torch

def state():
    return {
        "seed": torch.initial_seed(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": str(numpy.random.get_state()),
        "threads": torch.get_num_threads(),
        "interop": torch.get_num_interop_threads(),
        "dtype": str(torch.get_default_dtype()),
        "device": str(torch.get_default_device()),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "handlers": len(logging.getLogger().handlers),
        "level": logging.getLogger().level,
        "environment": {k: v for k, v in os.environ.items() if not k.startswith("KMP_")},
        "group": torch.distributed.is_initialized(),
    }

before = state()
import netspace
names = ["netspace"]
for info in pkgutil.walk_packages(netspace.__path__, "netspace."):
    __import__(info.name)
    names.append(info.name)
after = state()
print(json.dumps({
    "names": names,
    "changed": [key for key in before if before[key] != after[key]],
    "lazy": [name for name in ("igl", "matplotlib", "PIL", "tensorboard") if name in sys.modules],
}))
"""


def test_every_module_imports_without_the_servers_packages_and_changes_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {"netspace.cli", "netspace.train", "netspace.spaces.gallery", "netspace.data.chairs"} <= set(found["names"])
    assert found["changed"] == []
    assert "igl" not in found["lazy"], "meshes of users need libigl, networks do not"
