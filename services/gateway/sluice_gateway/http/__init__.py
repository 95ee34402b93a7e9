"""The HTTP edge: routes, problems, documents. It decides nothing: queries and commands do."""
