"""worker room; see docs/architecture."""
