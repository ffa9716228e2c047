"""`python -m server`: the service, configured by NETSPACE_* variables."""

from server.serve import serve

if __name__ == "__main__":
    serve()
