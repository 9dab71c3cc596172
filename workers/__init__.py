"""Workers: they claim task runs from PostgreSQL and do what the pipeline declares."""
