"""`python -m carnet`: the command line."""

import sys

from carnet.cli.main import main

sys.exit(main())
