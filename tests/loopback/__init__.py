"""Tests with real parts. The engine takes some settings only before the first connection of a process."""

from reactor_runtime.webrtc.wrtc_peer import allow_loopback, prepare_engine

prepare_engine()
allow_loopback()
