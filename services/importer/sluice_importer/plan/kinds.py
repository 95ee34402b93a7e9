"""What a file is by its name: video, subtitle, companion, archive, dangerous. Pure; tables, not switches."""

from __future__ import annotations

import re
from enum import StrEnum

SAMPLE_LIMIT = 300 * 1024 * 1024


class FileKind(StrEnum):
    """A file's kind, by its last extension."""

    VIDEO = "video"
    SUBTITLE = "subtitle"
    COMPANION = "companion"
    ARCHIVE = "archive"
    DANGEROUS = "dangerous"
    OTHER = "other"


_EXTENSIONS = {
    FileKind.VIDEO: "mkv mp4 m4v avi mov wmv ts m2ts mts mpg mpeg webm flv ogv vob divx",
    FileKind.SUBTITLE: "srt ass ssa sub idx vtt sup smi",
    FileKind.COMPANION: "nfo jpg jpeg png txt sfv md5",
    FileKind.ARCHIVE: "rar zip 7z tar gz xz bz2",
    FileKind.DANGEROUS: (
        "exe com bat cmd scr pif msi msp lnk vbs vbe js jse wsf wsh ps1 psm1 hta jar apk app command sh bash run "
        "desktop reg cpl dll sys inf gadget application scf chm iqy xll xlsm docm zipx"
    ),
}
_KIND_OF = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions.split()}
_ARCHIVE_PART = re.compile(r"^[rz]\d{2,3}$")
_SAMPLE_STEM = re.compile(r"^sample(?:[ ._-]|$)|[._-]sample$", re.IGNORECASE)
_SAMPLE_FOLDERS = frozenset({"sample", "samples"})


def split_extension(name: str) -> tuple[str, str]:
    """`Film.MKV ` is (`Film`, `mkv`); a name without a dot has the extension "". What pads the end does not hide it."""
    stem, dot, extension = name.rstrip(". \t\r\n").rpartition(".")
    return (stem, extension.lower()) if dot else (extension, "")


def kind_of(name: str) -> FileKind:
    """The kind of a file of this name."""
    _, extension = split_extension(name)
    if _ARCHIVE_PART.match(extension):
        return FileKind.ARCHIVE
    return _KIND_OF.get(extension, FileKind.OTHER)


def is_sample(components: tuple[str, ...], size: int) -> bool:
    """A video under 300 MiB in a folder `Sample`, or whose stem begins or ends with the word."""
    if size >= SAMPLE_LIMIT:
        return False
    in_folder = any(component.lower() in _SAMPLE_FOLDERS for component in components[:-1])
    return in_folder or _SAMPLE_STEM.search(split_extension(components[-1])[0]) is not None
