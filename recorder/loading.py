"""Loading modules: nothing of what is loaded is garbage, so nobody looks for any meanwhile.

A start makes a quarter of a million objects that stay; the collector would walk over them four
hundred times. Lowest rung: it must import nothing of the product.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Imports inside of the block are quick; what there is at its end is never looked at again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
