"""ROUTES: method, path, handler, permission of everything the web service answers.

Reading it tells who may do what; the API reference is printed from it, and a test asks every row
as every role, as another agency and as nobody.
"""

from __future__ import annotations

from recorder.web.api.route_table import API_ROUTES
from recorder.web.pages import PAGE_ROUTES
from recorder.web.route import Route

ROUTES: tuple[Route, ...] = (*API_ROUTES, *PAGE_ROUTES)
