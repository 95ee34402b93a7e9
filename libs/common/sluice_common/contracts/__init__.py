"""What travels on the bus, as values: subjects, frames, events, commands and the RPC envelope. No IO."""
