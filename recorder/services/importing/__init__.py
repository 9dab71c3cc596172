"""Files of registries: read, checked line by line, shown, and taken whole or not at all.

docs/design/registries.md, "Imports". ``import_file`` is all that others need.
"""

from recorder.adapters.tables import MOST_BYTES
from recorder.services.importing.running import OF_ALL, Outcome, import_file, list_files

__all__ = ["MOST_BYTES", "OF_ALL", "Outcome", "import_file", "list_files"]
