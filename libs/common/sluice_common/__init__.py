"""What every service shares. Layers, lowest first: kit, model, contracts, then bus, db and net, then runtime."""
