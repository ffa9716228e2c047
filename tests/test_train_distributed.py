"""Training under torchrun: several processes, one space."""

import json
import subprocess
import sys
from pathlib import Path

import torch

from netspace.batches import BatchConfig
from netspace.behaviours import Behaviours
from netspace.spaces import SpaceConfig, load_space
from netspace.train import TrainConfig
from netspace.zoo import Zoo


def test_two_processes_train_one_space_and_stop_together(
    space_config: SpaceConfig,
    zoo: Zoo,
    behaviours: Behaviours,  # noqa: ARG001 - sampled beforehand
    tmp_path: Path,
) -> None:
    batch = BatchConfig(networks=4, points=64, union_pairs=1)
    config = TrainConfig(space=space_config, batch=batch, steps=3, warmup=1)
    (tmp_path / "train.json").write_text(json.dumps(config.to_json()))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "netspace.cli", "train", str(tmp_path / "train.json"), "--zoo", str(zoo.root)]
    options = ["-o", str(tmp_path / "run"), "--no-fast", "--device", "cpu", "--workers", "1"]
    done = subprocess.run([*launch, *command, *options], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["progress"]["step"] == 3
    assert load_space(tmp_path / "run").config == space_config
