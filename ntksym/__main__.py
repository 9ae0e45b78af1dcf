"""`python -m ntksym` is the command `ntksym`."""

import sys

from ntksym.cli import main

sys.exit(main())
