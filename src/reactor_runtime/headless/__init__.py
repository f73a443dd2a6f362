"""headless room; see docs/architecture."""
