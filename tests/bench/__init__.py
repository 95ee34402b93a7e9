"""The benchmarks behind the figures in the docs. Run as `PYTHONPATH=tests .venv/bin/python -m bench.<name>`."""
