"""session room; see docs/architecture."""
