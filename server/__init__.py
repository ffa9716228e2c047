"""The HTTP service of NetSpace: parses requests, calls the library, encodes answers."""
