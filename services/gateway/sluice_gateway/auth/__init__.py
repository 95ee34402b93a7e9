"""Who may ask: API keys. Only hashes are kept; SQL stands in `store.py` alone."""
