"""HTTP to the outside: the one httpx module, and the guard for addresses that other people chose."""
