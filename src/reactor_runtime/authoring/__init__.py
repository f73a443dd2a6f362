"""authoring room; see docs/architecture."""
