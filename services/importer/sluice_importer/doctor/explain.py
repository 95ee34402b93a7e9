"""Why a link was refused, told apart further than an errno does, and what to do. Pure.

Sources: link(2), the kernel's fs/namei.c (may_linkat, vfs_link, do_linkat) and proc(5) on protected_hardlinks.
"""

from __future__ import annotations

import os
import stat

import msgspec

from sluice_importer.place.mounts import Whereabouts

# vfat and its kin have no hard links at all; the kernel answers EPERM, as for a link that is forbidden.
_WITHOUT_LINKS = frozenset({"vfat", "msdos", "exfat", "fuse.exfat", "iso9660", "udf"})


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was tried: the code of its errno and its words, where both ends lie, who we are.

    `protected` is fs.protected_hardlinks, None where /proc does not tell.
    """

    code: str
    detail: str
    source: Whereabouts
    root: Whereabouts
    uid: int
    protected: bool | None = None


class Why(msgspec.Struct, frozen=True):
    """A stable code, what is the case, what to do."""

    code: str
    detail: str
    advice: str


def explain(refused: Refused) -> Why:
    """The cause behind the errno."""
    match refused.code:
        case "cross_device":
            return _apart(refused)
        case "link_not_permitted":
            return _not_permitted(refused)
        case "unsupported":
            return _no_links(refused)
        case "permission_denied":
            return _denied(refused)
        case "read_only":
            point = refused.root.mount.point if refused.root.mount else refused.root.path
            detail = f"the library's file system is mounted read-only at {point}"
            return Why("read_only", detail, f"mount {point} writable; in a container, take `:ro` off the volume")
        case _:
            return Why(refused.code, refused.detail, "see the detail; the system's log may say more")


def _apart(refused: Refused) -> Why:
    """EXDEV: two file systems, one seen through two mounts, two subvolumes of it, or the file system's own refusal."""
    source, root = refused.source, refused.root
    same_mount = source.mount_id is not None and source.mount_id == root.mount_id
    if source.device != root.device and not same_mount:
        detail = f"{_told(source)} and {_told(root)} are two file systems, and no hard link can join them"
        advice = (
            f"keep downloads and library on one file system: move {root.path} or the client's folder; or set "
            "`method: copy` (or `link: prefer`) for the library, which takes the space twice"
        )
        return Why("two_file_systems", detail, advice)
    if source.device != root.device:
        detail = f"{source.path} and {root.path} are two subvolumes of one file system ({_kind(root)})"
        return Why("two_subvolumes", detail, f"put both into one subvolume, or set `method: copy`; see {root.path}")
    if not same_mount:
        return _two_mounts(refused)
    detail = f"{source.path} and {root.path} are one mount ({_kind(root)}), which itself refuses the link"
    advice = (
        "a pool that keeps files on the disk of their path (mergerfs) needs a policy that does not "
        "(`category.create=mfs`), and project quotas must be the same; or set `method: copy`"
    )
    return Why("refused_by_file_system", detail, advice)


def _two_mounts(refused: Refused) -> Why:
    source, root = refused.source, refused.root
    detail = f"{_told(source)} and {_told(root)} are one file system seen through two mounts: for links that is two"
    parent = _common_parent(source, root)
    advice = (
        f"mount their parent{f' ({parent})' if parent else ''} once instead of its folders one by one, and set the "
        "client's `paths` and the library's `root` below it; in compose: one volume, `/data:/data`"
    )
    return Why("two_mounts", detail, advice)


def _common_parent(source: Whereabouts, root: Whereabouts) -> str | None:
    """What both mounts show, as the file system itself calls it; None where that is all of it."""
    if source.mount is None or root.mount is None:
        return None
    parent = os.path.commonpath([source.mount.root, root.mount.root])
    return parent if parent != "/" else None


def _not_permitted(refused: Refused) -> Why:
    source = refused.source
    if refused.root.mount is not None and refused.root.mount.kind in _WITHOUT_LINKS:
        return _no_links(refused)
    if refused.protected is not False and source.uid != refused.uid and refused.uid != 0:
        owner = f"uid {source.uid}, gid {source.gid}, mode {source.mode:04o}"
        detail = (
            f"{source.path} belongs to another user ({owner}) and may not be written by ours (uid {refused.uid}), so "
            "the system forbids the link (fs.protected_hardlinks)"
        )
        advice = (
            f"run Sluice and the client as the same user (uid {source.uid}); or give both one group and let the "
            "client make its files writable for it (UMASK 002), and mend those that exist: "
            f"chmod g+w on the client's folder, chgrp to a group of uid {refused.uid}"
        )
        return Why("protected_hardlinks", detail, advice)
    special = " and is set-uid" if source.mode & stat.S_ISUID else ""
    detail = f"the system forbids a link to {source.path} although it could be written{special}"
    advice = f"see whether it is immutable (`lsattr {source.path}`), and take that away (`chattr -i`)"
    return Why("link_not_permitted", detail, advice)


def _no_links(refused: Refused) -> Why:
    detail = f"the file system of {refused.root.path} ({_kind(refused.root)}) has no hard links"
    return Why("unsupported", detail, "set `method: copy` for the library, or move it to a file system that has them")


def _denied(refused: Refused) -> Why:
    source, root = refused.source, refused.root
    detail = (
        f"our user (uid {refused.uid}) may not: {source.path} is uid {source.uid}, gid {source.gid}, mode "
        f"{source.mode:04o}, {root.path} is uid {root.uid}, gid {root.gid}, mode {root.mode:04o}"
    )
    advice = f"let uid {refused.uid} read the client's files and write {root.path}: chown, chmod, or a common group"
    return Why("permission_denied", detail, advice)


def _told(place: Whereabouts) -> str:
    if place.mount is None:
        return place.path
    return f"{place.path} ({place.mount.kind}, mounted at {place.mount.point})"


def _kind(place: Whereabouts) -> str:
    return place.mount.kind if place.mount is not None else "of unknown kind"
