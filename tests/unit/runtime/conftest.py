"""The server's loop may not wait for anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[None]:
    """A blocking call of ours inside a running event loop raises."""
    with blockbuster_ctx("reactor_runtime"):
        yield
