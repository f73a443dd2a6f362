"""Import path of generation 2 model code: the same names as at the top."""

from reactor_runtime import *  # noqa: F403
from reactor_runtime import __all__  # noqa: F401
