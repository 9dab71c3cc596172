"""Ways in for livestreams: protocols on one side, periods and segments on the other."""
