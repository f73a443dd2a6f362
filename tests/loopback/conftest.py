"""The engine takes some settings only before the first connection of a process, whichever test makes that."""

from reactor_runtime.webrtc.wrtc_peer import prepare_engine

prepare_engine()
