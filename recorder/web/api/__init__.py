"""Handlers for programs: parse, call one service function, shape. Pages are in ``web/pages``."""
