"""NetSpace: learn, serve and explore the space of trained networks."""

__version__ = "0.1.0"
