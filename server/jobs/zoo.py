"""Zoo building on the jobs' queue: one shard a workflow, done by whichever worker is free.

A shard is a file that is whole or not there, and building it twice gives the same file: it needs no fencing.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Collection
from pathlib import Path

from dbos import DBOS, DBOSClient, EnqueueOptions
from sqlalchemy.exc import DBAPIError

from netspace.errors import BadZoo, NetSpaceError
from netspace.zoo import build_shard, shard_numbers, shard_path
from server.jobs.queue import VERSION, queue_url

SHARDS = "shards"
WORKFLOW = "build_shard"
POLL = 0.5


def serve_shards(device: str) -> None:
    """Makes this worker build shards; one at a time, since fitting uses every core. To be called before launch."""

    def build(root: str, number: int) -> None:
        build_shard(Path(root), number, device)

    DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(build)


def open_shards(polling: float) -> None:
    """The queue; to be called after launch."""
    DBOS.register_queue(SHARDS, worker_concurrency=1, polling_interval_sec=polling, on_conflict="always_update")


def requeue_shards(alive: Collection[str]) -> None:
    """Hands out anew what workers that are not alive have left."""
    for flow in DBOS.list_workflows(queue_name=SHARDS, status="PENDING", load_input=False, load_output=False):
        if flow.executor_id not in alive:
            DBOS.resume_workflow(flow.workflow_id, queue_name=SHARDS)


def _enqueue(client: DBOSClient, root: Path, number: int) -> str:
    """The id of the workflow that builds the shard: a new one, or the one that waits or runs already."""
    folder = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    options: EnqueueOptions = {
        "queue_name": SHARDS,
        "workflow_name": WORKFLOW,
        "workflow_id": f"{folder}.{number}.{secrets.token_hex(4)}",
        "app_version": VERSION,
        "deduplication_id": f"{folder}.{number}",
        "duplication_policy": "return-existing",
    }
    return client.enqueue(options, str(root), number).workflow_id


def build_on_queue(
    root: Path, database_url: str, part: int = 0, parts: int = 1, progress: Callable[[int, int], None] | None = None
) -> None:
    """As `netspace.zoo.build_zoo`, by the workers on this database, which see the same folder; waits for the end.

    Raises BadZoo where a shard cannot be built, and NetSpaceError where no worker has ever used the database.
    """
    root, numbers = root.resolve(), shard_numbers(root, part, parts)
    try:
        client = DBOSClient(system_database_url=queue_url(database_url))
    except DBAPIError as error:
        raise NetSpaceError(f"NETSPACE_DATABASE_URL: expected a database that a worker uses ({error.orig})") from error
    try:
        missing = [number for number in numbers if not shard_path(root, number).exists()]
        asked = [_enqueue(client, root, number) for number in missing]
        while True:
            left = [number for number in missing if not shard_path(root, number).exists()]
            if progress is not None:
                progress(len(numbers) - len(left), len(numbers))
            if not left:
                return
            failed = client.list_workflows(workflow_ids=asked, status="ERROR") if asked else []
            if failed:
                raise BadZoo(f"{root}: shard {failed[0].workflow_id.split('.')[1]}: {failed[0].error}")
            time.sleep(POLL)
    except DBAPIError as error:
        raise NetSpaceError(f"NETSPACE_DATABASE_URL: expected a database that a worker uses ({error.orig})") from error
    finally:
        client.destroy()
