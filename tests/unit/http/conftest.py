"""Time may be told to pass by itself here too."""

from tests.unit.runtime.conftest import clock_of_the_loop, pytest_asyncio_loop_factories

__all__ = ["clock_of_the_loop", "pytest_asyncio_loop_factories"]
