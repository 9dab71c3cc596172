"""Pages for people: parse, call one service function, draw a template.

Permissions stand in ``table.PAGE_ROUTES``; words and their translations in ``words`` and in the
catalogue under ``web/locale``.
"""

from aiohttp import web

from recorder.web.pages.rendering import draw_problem
from recorder.web.pages.table import PAGE_ROUTES
from recorder.web.problems import PROBLEM_PAGE


def install(app: web.Application) -> None:
    """Problems are drawn as pages for browsers from now on."""
    app[PROBLEM_PAGE] = draw_problem


__all__ = ["PAGE_ROUTES", "install"]
