"""Connections without WebRTC, for networks that let nothing but HTTP through: a WebSocket, and plain requests."""
