"""Media items: what a library is meant to hold. Nothing here reads a name or a disk."""
