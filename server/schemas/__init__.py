"""JSON on the wire, as docs/design.md lists it."""
