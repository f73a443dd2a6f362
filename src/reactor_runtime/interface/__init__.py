"""Import path of generation 2 model code: the same names as at the top, and what tests of models use."""

from typing import TYPE_CHECKING, Any

from reactor_runtime import __all__

if TYPE_CHECKING:
    from reactor_runtime import *  # noqa: F403
    from reactor_runtime.testing import PipelineExecutor as PipelineExecutor
    from reactor_runtime.testing import StepResult as StepResult
else:

    def __getattr__(name: str) -> Any:
        """Import what is named, and nothing else."""
        import reactor_runtime

        if name in ("PipelineExecutor", "StepResult"):
            from reactor_runtime import testing

            return getattr(testing, name)
        if name in __all__:
            return getattr(reactor_runtime, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
