"""qBittorrent, through its WebAPI (4.1 to 5.x). Seen running: 4.5.2; recorded: 4.5.2 and 5.1.0."""
