"""The HTTP interface, one noun per module. A route parses, calls the library and encodes."""
