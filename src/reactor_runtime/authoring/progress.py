"""What loading is busy with, told while it lasts."""

from __future__ import annotations

from reactor_runtime.weights.places import surroundings


def report_progress(text: str, fraction: float | None = None) -> None:
    """Tell the operator and whoever waits at the page what loading is busy with; ignored outside a runtime.

    Thread: any, during `load()` or the constructor.

    Args:
        text: One line, as in "Compiling the decoder".
        fraction: How much of it is done, 0..1; None where it cannot be told.
    """
    if fraction is not None and not 0 <= fraction <= 1:
        raise ValueError(f"fraction is 0 to 1 or None, got {fraction!r}")
    surroundings().progress(str(text), fraction)
