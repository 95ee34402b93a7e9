"""The Sonarrs and Radarrs that live beside us: what they know is taken over. Nothing here changes anything in one."""
