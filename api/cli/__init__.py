"""The command line: one file a command, one place that turns failures into exit codes.

Exit codes: 0 done, 1 the data had a problem that was reported, 2 wrong usage.
"""

import sys

from api.cli.app import app, run
from api.cli.arrow_alone import keep_pandas_out

__all__ = ["app", "main"]


def main() -> None:
    """Entry point of `contactline`."""
    keep_pandas_out()
    sys.exit(run(sys.argv[1:]))
