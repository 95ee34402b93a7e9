"""What doctor looks at, what it makes of a refusal, and how grave that is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice_common.contracts.doctor import AboutClient
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_common.model.download import Download, RemoteFile
from sluice_importer.doctor import findings
from sluice_importer.doctor.explain import Refused, Why, explain
from sluice_importer.doctor.findings import FinishedFile, Trial
from sluice_importer.doctor.picking import MOST_PATHS, PER_PATH, finished, largest, save_paths
from sluice_importer.place.mounts import Mount, Whereabouts, parse_mountinfo

CLIENT = ClientSettings(type="deluge", url="http://c", owners={"tv": "sluice", "films": "sluice", "arr": "sonarr"})
EXT4 = Mount("/data", "/srv/data", "ext4")


def where(path: str, *, device: int = 1, mount_id: int = 1, mount: Mount | None = EXT4, uid: int = 1000) -> Whereabouts:
    return Whereabouts(path=path, device=device, mount_id=mount_id, mount=mount, uid=uid, gid=uid, mode=0o644)


def refused(
    code: str, source: Whereabouts, root: Whereabouts, *, uid: int = 1000, protected: bool | None = True
) -> Why:
    return explain(Refused(code=code, detail="words", source=source, root=root, uid=uid, protected=protected))


def row(
    download_id: str, *, path: str = "/d", category: str | None = None, day: int = 1, complete: bool = True
) -> Download:
    return Download(
        client="c", id=download_id, size=5, save_path=path, category=category, is_complete=complete,
        completed_at=datetime(2026, 1, day, tzinfo=UTC),
    )  # fmt: skip


def test_mountinfo_is_read() -> None:
    """The kernel's own format: tags of any number, spaces as octal, lines that make no sense skipped."""
    text = (
        "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
        "40 36 0:45 / /with\\040space rw - fuse.mergerfs a:b rw\n"
        "nonsense\n"
    )
    assert parse_mountinfo(text) == {
        36: Mount("/mnt2", "/mnt1", "ext3"),
        40: Mount("/with space", "/", "fuse.mergerfs"),
    }


@pytest.mark.parametrize(
    ("source", "root", "code", "says"),
    [
        (where("/data/t", device=1, mount_id=1), where("/m", device=2, mount_id=2), "two_file_systems", "method: copy"),
        (where("/data/t", device=1, mount_id=1), where("/m", device=2, mount_id=1), "two_subvolumes", "one subvolume"),
        (
            where("/t", mount_id=1, mount=Mount("/t", "/srv/data/t", "ext4")),
            where("/m", mount_id=2, mount=Mount("/m", "/srv/data/m", "ext4")),
            "two_mounts",
            "mount their parent (/srv/data)",
        ),
        (
            where("/t", mount_id=1, mount=Mount("/t", "/a", "ext4")),
            where("/m", mount_id=2, mount=Mount("/m", "/b", "ext4")),
            "two_mounts",
            "mount their parent once",
        ),
        (where("/t"), where("/m"), "refused_by_file_system", "mergerfs"),
        (
            where("/t", mount_id=1, mount=None),
            where("/m", mount_id=2, mount=None),
            "two_mounts",
            "mount their parent once",
        ),
    ],
)
def test_the_causes_of_exdev(source: Whereabouts, root: Whereabouts, code: str, says: str) -> None:
    """One errno, four causes, four things to do."""
    why = refused("cross_device", source, root)
    assert why.code == code
    assert says in why.advice


def test_the_causes_of_eperm() -> None:
    """Another user's file, a file system without links, an immutable file; root is never told to change users."""
    theirs, fat = where("/t/f", uid=1001), where("/m", mount=Mount("/m", "/", "vfat"))
    assert refused("link_not_permitted", theirs, where("/m")).code == "protected_hardlinks"
    assert "uid 1001" in refused("link_not_permitted", theirs, where("/m")).advice
    assert refused("link_not_permitted", theirs, where("/m"), protected=False).code == "link_not_permitted"
    assert refused("link_not_permitted", theirs, where("/m"), uid=0).code == "link_not_permitted"
    assert refused("link_not_permitted", where("/t/f"), where("/m")).code == "link_not_permitted"
    assert refused("link_not_permitted", theirs, fat).code == "unsupported"
    assert "method: copy" in refused("unsupported", theirs, where("/m")).advice


def test_other_refusals_keep_their_code() -> None:
    """Read-only and permission name the place; what is unknown keeps its words."""
    assert "/data writable" in refused("read_only", where("/t"), where("/m")).advice
    assert "uid 1000 read" in refused("permission_denied", where("/t", uid=5), where("/m")).advice
    assert refused("io_error", where("/t"), where("/m")) == Why("io_error", "words", explain_other())


def explain_other() -> str:
    return refused("disk_full", where("/t"), where("/m")).advice


def test_where_a_client_saves() -> None:
    """The default folder matters only while a category of ours has none of its own; another's category never does."""
    both = AboutClient(save_path="/d", categories={"tv": "/tv", "films": "/films", "arr": "/arr"})
    assert save_paths(both, [], CLIENT) == {"/d": False, "/tv": True, "/films": True}
    one = AboutClient(save_path="/d", categories={"tv": "/tv", "films": None})
    assert save_paths(one, [], CLIENT) == {"/d": True, "/tv": True}
    assert save_paths(None, [row("a", path="/x", category="tv"), row("b", path="/y")], CLIENT) == {"/x": True}
    assert save_paths(None, [], CLIENT) == {}
    assert save_paths(AboutClient(save_path="/d"), [], ClientSettings(type="deluge", url="http://c")) == {"/d": False}


def test_which_downloads_are_tried() -> None:
    """Ours first, then the newest; of every folder a few; nothing that is not complete."""
    rows = [
        row("old", category="tv"),
        row("new", category="tv", day=9),
        row("theirs", day=20),
        row("part", complete=False),
    ]
    assert [one.id for one in finished(rows, CLIENT)] == ["new", "old", "theirs"]
    many = [row(f"{n}", path=f"/{n % 10}", day=1 + n % 28) for n in range(100)]
    chosen = finished(many, CLIENT)
    assert len({one.save_path for one in chosen}) == MOST_PATHS
    assert len(chosen) == MOST_PATHS * PER_PATH


def test_which_file_is_tried() -> None:
    """The largest that was wanted, and none whose path climbs."""
    files = [
        RemoteFile(index=0, path="a/small", size=1),
        RemoteFile(index=1, path="a/large", size=9),
        RemoteFile(index=2, path="a/unwanted", size=99, wanted=False),
        RemoteFile(index=3, path="../climbs", size=99),
    ]
    found = largest(files)
    assert found is not None
    assert found.path == "a/large"
    assert largest(files[2:]) is None


def gravity(link: str, *trials: Trial) -> tuple[str, str | None]:
    settings = LibrarySettings.model_validate({"kind": "movies", "root": "/m", "link": link})
    (finding,) = findings.links("films", settings, [("c", trials), ("other", [])])
    return finding.status.value, finding.code


def test_how_grave_a_refusal_is() -> None:
    """What a copy gets around only warns where links are preferred; so does one folder of several without links."""
    file = FinishedFile(client="c", theirs="/d", root=Path("/d"), path="f", size=1)
    fine = Trial(file=file)
    apart = Trial(file=file, code="cross_device", why=Why("two_mounts", "d", "a"))
    full = Trial(file=file, code="disk_full", why=Why("disk_full", "d", "a"))
    assert gravity("require", fine) == ("ok", None)
    assert gravity("require", apart) == ("failed", "two_mounts")
    assert gravity("prefer", apart) == ("warning", "two_mounts")
    assert gravity("prefer", full) == ("failed", "disk_full")
    assert gravity("require", apart, fine) == ("warning", "two_mounts")
    settings = LibrarySettings(kind="movies", root=Path("/m"))
    (none,) = findings.links("films", settings, [("c", [])])
    assert (none.status.value, none.code) == ("unknown", "no_file")
    assert "not tested yet" in none.detail
    assert "copied where that is refused" in none.detail
