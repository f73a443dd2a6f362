"""media room; see docs/architecture."""
