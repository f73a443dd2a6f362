"""webrtc room; see docs/architecture."""
