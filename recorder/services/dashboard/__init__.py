"""Figures for who supervises: an organisation over some days, level by level down to a scene."""

from recorder.services.dashboard.answer import Dashboard, Line, Place, Settled, sum_of
from recorder.services.dashboard.asking import dashboard
from recorder.services.dashboard.counting import add_up_footage, add_up_weeks
from recorder.services.dashboard.lists import (
    MOST,
    MOST_EXPORTED,
    classes,
    devices,
    officers,
    scenes,
)
from recorder.services.dashboard.question import Comparison, Question

__all__ = [
    "MOST",
    "MOST_EXPORTED",
    "Comparison",
    "Dashboard",
    "Line",
    "Place",
    "Question",
    "Settled",
    "add_up_footage",
    "add_up_weeks",
    "classes",
    "dashboard",
    "devices",
    "officers",
    "scenes",
    "sum_of",
]
