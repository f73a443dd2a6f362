"""Watch a server until a picture is there and comes on the way that is wanted: `python -m ...glance URL WAY`.

A way is `host`, or `relay/udp` and `relay/tcp` after how the TURN server is reached.
"""

from __future__ import annotations

import asyncio
import sys

from tests.loopback.published_client import WAIT
from tests.loopback.watching import watching


async def glance(url: str, wanted: str) -> None:
    async with watching(url) as watcher:
        await watcher.sees(lambda picture: picture.size, "a picture")
        way = ""
        try:
            async with asyncio.timeout(WAIT):
                while way != wanted:
                    own = await watcher.way()
                    way = "/".join(filter(None, (own["candidate_type"], own.get("relay_protocol"))))
                    await asyncio.sleep(0.1)
        except TimeoutError:
            sys.exit(f"the picture came by {way}, not by {wanted}")


asyncio.run(glance(*sys.argv[1:]))
