"""A client of a running server, for programs: watch, hear, steer, upload and publish, with asyncio or without.

```python
async with Client("http://127.0.0.1:8080") as client:
    await client.send("set_prompt", prompt="a meadow")
    async for frame in client.frames("main_video"):
        ...
```
"""

from __future__ import annotations

from reactor_runtime.client.client import Client, Messages
from reactor_runtime.client.publication import Publication
from reactor_runtime.client.sync import SyncClient, SyncPublication, connect
from reactor_runtime.client.values import (
    CommandRefused,
    CommandSpec,
    Figures,
    Frame,
    Message,
    NotConnected,
    Refused,
    Reply,
    Sound,
    Track,
    TrackFigures,
    Upload,
)

__all__ = [
    "Client",
    "CommandRefused",
    "CommandSpec",
    "Figures",
    "Frame",
    "Message",
    "Messages",
    "NotConnected",
    "Publication",
    "Refused",
    "Reply",
    "Sound",
    "SyncClient",
    "SyncPublication",
    "Track",
    "TrackFigures",
    "Upload",
    "connect",
]
