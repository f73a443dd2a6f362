"""http room; see docs/architecture."""
