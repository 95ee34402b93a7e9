"""What a backup says about itself. Values only; the archive's last member is one of these as JSON."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sluice_common.kit.errors import SluiceError


class BackupRefused(SluiceError):
    """A backup or a restore that cannot be; nothing was changed. The message says what is wrong and what to do."""


class Member(msgspec.Struct, frozen=True):
    """A member of the archive: its bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """A table: the columns in the order of its rows, and how many rows there are."""

    columns: tuple[str, ...]
    rows: int


class Sequence(msgspec.Struct, frozen=True):
    """Where a sequence stands; `called` as PostgreSQL's is_called."""

    last: int
    called: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`schemas` maps schemas to revisions, `tables` and `sequences` are keyed `schema.name`, `members` by name.

    `left_out` lists the secret files that the configuration names and that are not in the archive, as it names them.
    """

    made_at: datetime
    sluice: str
    postgres: str
    schemas: dict[str, str] = {}
    tables: dict[str, Table] = {}
    sequences: dict[str, Sequence] = {}
    members: dict[str, Member] = {}
    left_out: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables.values())
