"""Files of registries: read, checked line by line, shown, and taken whole or not at all.

docs/design/registries.md, "Imports". ``import_file`` is all that others need.
"""

from recorder.services.importing.running import (
    Outcome,
    import_file,
    newest_files,
)

__all__ = ["Outcome", "import_file", "newest_files"]
