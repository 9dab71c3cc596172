"""`python -m workers` is `recorder work`."""

import sys

from workers.main import main

sys.exit(main())
