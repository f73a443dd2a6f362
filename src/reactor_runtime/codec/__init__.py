"""codec room; see docs/architecture."""
