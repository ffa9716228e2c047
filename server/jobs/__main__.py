"""`python -m server.jobs`: a worker, configured by the NETSPACE_* variables of the service.

With `--of PID` it belongs to that process: when it is gone, the worker finishes the jobs that are left, and ends.
"""

import argparse

from netspace.runtime import keep_freed_memory
from server.jobs.worker import work
from server.settings import Settings
from server.watch import configure_logs

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A worker for NetSpace's jobs.")
    parser.add_argument("--of", type=int, metavar="PID", help="the process that this worker belongs to")
    asked, settings = parser.parse_args(), Settings()
    configure_logs(settings.log_json)
    keep_freed_memory()
    work(settings, asked.of)
