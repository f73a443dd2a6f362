"""Tests with real parts. The engine takes some settings only before the first connection of a process."""

from reactor_runtime.webrtc.wrtc_peer import prepare_engine

prepare_engine()
