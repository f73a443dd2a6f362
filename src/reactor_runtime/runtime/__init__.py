"""runtime room; see docs/architecture."""
