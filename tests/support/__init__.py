"""What the tests stand on: servers, databases, footage, a browser. It checks nothing itself."""
