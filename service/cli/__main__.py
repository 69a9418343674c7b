"""`python -m service.cli`: the command `judged`."""

import sys

from service.cli.main import main

sys.exit(main())
