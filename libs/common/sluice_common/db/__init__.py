"""PostgreSQL: the pool and the migrations. No SQL of any service is here; that lives in its owner's `store.py`."""
