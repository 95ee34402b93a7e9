"""The newest migration, read without alembic, is the one that alembic would run to."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from sluice_common.db.migrate import revisions


def _written(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("package", ["sluice_gateway", "sluice_history", "sluice_importer"])
def test_every_owner_s_migrations_are_read_as_alembic_reads_them(package: str) -> None:
    """The same revisions and the same head, so that a start never skips a migration that is there."""
    versions = Path(str(files(package))) / "migrations" / "versions"
    config = Config()
    config.set_main_option("script_location", str(versions.parent))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    assert revisions(versions) == (known, {scripts.get_current_head()})


def test_annotated_and_merged_revisions_are_read(tmp_path: Path) -> None:
    """alembic's own template annotates the names, and a merge has several predecessors."""
    _written(
        tmp_path,
        one="revision: str = 'a1'\ndown_revision: str | None = None\n",
        two='revision = "b2"\ndown_revision = "a1"\nrevision_note = "x"\n',
        three='revision = "c3"\ndown_revision = "a1"\n',
    )
    assert revisions(tmp_path) == ({"a1", "b2", "c3"}, {"b2", "c3"})
    _written(tmp_path, four='revision = "d4"\ndown_revision = ("b2", "c3")\n')
    assert revisions(tmp_path) == ({"a1", "b2", "c3", "d4"}, {"d4"})
