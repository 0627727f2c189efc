"""`python -m carnet.kernelhost --folder STATE/host`."""

import sys

from carnet.kernelhost.main import main

if __name__ == "__main__":
    sys.exit(main())
