"""One folder per kind of client; `port.py` is what they all promise, `registry.py` the only list of them."""
