"""The catalogue whole: external ids, what is known of an episode, and what a file's name says of it."""

from sluice_common.db.migrate import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE library.media_items ADD COLUMN sort_title text;

CREATE TABLE library.external_ids (
    media_item text NOT NULL REFERENCES library.media_items (id) ON DELETE CASCADE,
    -- A source counts its movies and its series apart: one number may name one of each.
    kind text NOT NULL,
    source text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (media_item, source),
    UNIQUE (kind, source, value)
);

ALTER TABLE library.episodes
    ADD COLUMN absolute integer,
    ADD COLUMN air_date date,
    ADD COLUMN title text,
    ADD COLUMN scene_season integer,
    ADD COLUMN scene_number integer,
    ADD COLUMN scene_absolute integer;

ALTER TABLE library.files
    ADD COLUMN resolution text,
    ADD COLUMN source text,
    ADD COLUMN codec text,
    ADD COLUMN release_group text,
    ADD COLUMN languages text[] NOT NULL DEFAULT '{}';
-- How the last attempt to take over what an app knows went.
CREATE TABLE library.apps (
    app text PRIMARY KEY,
    version text,
    tried_at timestamptz NOT NULL,
    synced_at timestamptz,
    reason text,
    message text,
    left_out integer NOT NULL DEFAULT 0,
    problems jsonb NOT NULL DEFAULT '[]'
);

-- What an app told last of each of its series or movies; `number` is its id there.
CREATE TABLE library.app_items (
    app text NOT NULL,
    number bigint NOT NULL,
    digest text NOT NULL,
    media_item text NOT NULL REFERENCES library.media_items (id) ON DELETE CASCADE,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (app, number)
);
CREATE INDEX app_items_of_item ON library.app_items (media_item);
CREATE INDEX file_episodes_of_episode ON library.file_episodes (episode);
"""


def upgrade() -> None:
    """Add what was missing; nothing that is there changes."""
    run_sql(SCHEMA)


def downgrade() -> None:
    """Drop what was added, with what it held."""
    run_sql(
        "DROP INDEX library.file_episodes_of_episode; "
        "ALTER TABLE library.files DROP COLUMN resolution, DROP COLUMN source, DROP COLUMN codec, "
        "DROP COLUMN release_group, DROP COLUMN languages; "
        "ALTER TABLE library.episodes DROP COLUMN absolute, DROP COLUMN air_date, DROP COLUMN title, "
        "DROP COLUMN scene_season, DROP COLUMN scene_number, DROP COLUMN scene_absolute; "
        "DROP TABLE library.app_items, library.apps, library.external_ids; "
        "ALTER TABLE library.media_items DROP COLUMN sort_title"
    )
