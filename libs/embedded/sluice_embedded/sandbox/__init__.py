"""A household to play with: a loopback swarm and a real Deluge in a directory of their own, for the demo and the tests.

`torrents`, `swarm` and `seeder` run in whatever environment has libtorrent: they import nothing else of ours.
"""

WANTED = "wanted.json"  # what the seeder is told, and
SEEDED = "seeded.json"  # what it answers; see `seeder`
