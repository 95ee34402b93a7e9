"""What a download is. Pure values and pure functions; nothing here connects, reads a clock or draws a random number."""
