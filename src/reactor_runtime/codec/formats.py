"""What a picture may be encoded as. Apart from the encoders, which take a tenth of a second to import."""

from __future__ import annotations

from typing import Literal

Codec = Literal["vp8", "vp9", "av1", "h264"]
Format = Literal["vp8", "vp9", "av1", "h264", "jpeg"]
"""What a rung makes: a codec's stream, or pictures each by itself."""
