"""`python -m server`: the service, configured by NETSPACE_* variables."""

import os


def main() -> None:
    """PyTorch's threads that wait are to sleep, as OpenMP calls it passively: else they keep a core busy for 15 ms, in
    which it could make half a mesh. OpenMP asks the environment when PyTorch is imported."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    from server.serve import serve

    serve()


if __name__ == "__main__":
    main()
