"""wire room; see docs/architecture."""
