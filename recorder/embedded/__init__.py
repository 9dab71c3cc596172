"""The office in one folder: PostgreSQL, Redis, web service and workers as one process tree.

    command      ``serve_embedded``, what ``recorder serve --embedded`` runs
    stack        ``Embedded``, the whole as an async context; ``addresses_of`` for other commands
    supervisor   named children: start, readiness, restart, stop
    guardian     ends the children when the parent dies; a program of its own
    data_folder  layout, lock and version of the folder
    identity     as whom PostgreSQL runs
    postgres, redis, listener, child_logs   one piece each

docs/design/embedded.md tells what holds when a process dies at any line.
"""
