"""`python -m reactor_runtime.schema` is `reactor schema`."""

import sys

from reactor_runtime.cli import main

if __name__ == "__main__":
    main(["schema", *sys.argv[1:]])
