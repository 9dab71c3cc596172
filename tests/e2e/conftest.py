"""What waits for long begins first, so that the other worker has work until the end."""

from __future__ import annotations

import pytest

_LONG = ("test_upload_lossy", "test_store_weather", "test_torture", "test_disaster_drill")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, otherwise in their order; the same in every worker."""
    items.sort(key=lambda item: item.path.stem not in _LONG)
