"""Shapes with signed distances, where they are sampled, and the sources of a zoo."""
