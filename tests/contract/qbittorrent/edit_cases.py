"""One edit of every kind for qBittorrent, and announce URLs as they may come."""

from __future__ import annotations

from sluice_common.model.edits import (
    AddPeers,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    Move,
    Place,
    QueueMove,
    Reannounce,
    Rename,
    SetCategory,
    SetLimits,
    SetTags,
)

SECRET = "passkey=0123456789"
TRACKER = f"https://tracker.test/announce?{SECRET}"
SPELT = "https://tracker.test/a%2Fb|c/announce"
EVERY = (
    ForceStart(),
    Reannounce(),
    QueueMove(to=Place.UP),
    SetCategory(category="films"),
    SetTags(tags=("a",)),
    SetLimits(download=1024),
    Move(save_path="/moved"),
    Rename(name="Another"),
    ChooseFiles(unwanted=(1,)),
    EditTrackers(add=(TRACKER,)),
    AddPeers(peers=("127.0.0.1:1",)),
)
