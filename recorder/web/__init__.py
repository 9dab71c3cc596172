"""The web service: HTTP in, one service function, HTTP out. Knows no SQL and no store."""
