"""What happened, to the bus: written with the fact in one transaction, published afterwards, in order per import."""
