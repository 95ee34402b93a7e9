"""What an active download is for: pending, bound, closing. Ephemeral; nothing here decides what was imported."""
