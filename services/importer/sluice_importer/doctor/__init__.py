"""Looks at the importer's side of a set-up: database, paths, libraries, and whether a finished file can be linked."""
