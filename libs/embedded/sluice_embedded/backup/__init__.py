"""`sluice backup` and `sluice restore`: one archive of everything that no client knows.

`archive` is the file, `tables` the database's side of it, `make` and `embedded`/`database` what the verbs do.
"""
