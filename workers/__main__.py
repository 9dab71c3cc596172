"""`python -m workers` is `recorder work`."""

import sys

from recorder.loading import loading

with loading():
    from workers.main import main

sys.exit(main())
