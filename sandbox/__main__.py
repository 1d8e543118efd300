"""`python -m sandbox` is `make run`."""

import sys

from sandbox.launcher.run import main

if __name__ == "__main__":
    sys.exit(main())
