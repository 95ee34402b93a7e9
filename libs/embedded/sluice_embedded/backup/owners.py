"""Which schemas there are, and which package's migrations make each. No service is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sluice_common.db.migrate import revisions


@dataclass(frozen=True)
class Owner:
    """A schema and the package whose `migrations/versions` make it."""

    schema: str
    package: str

    @property
    def known(self) -> set[str]:
        """Every revision that this program knows how to make."""
        return revisions(Path(str(files(self.package))) / "migrations" / "versions")[0]


Owners = tuple[Owner, ...]

OWNERS: Owners = (
    Owner("gateway", "sluice_gateway"),
    Owner("library", "sluice_importer"),
    Owner("history", "sluice_history"),
)
