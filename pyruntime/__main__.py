"""`python -m pyruntime` is the command `pyruntime`."""

import sys

from pyruntime.cli import main

if __name__ == "__main__":
    sys.exit(main())
