"""The library schema: catalogue, associations, imports, files, outbox."""

from sluice_common.db.migrate import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE library.clients (
    client text PRIMARY KEY,
    adopted_at timestamptz NOT NULL,
    -- The categories that were ours when their backlog was judged; one that becomes ours later is judged then.
    categories text[] NOT NULL
);

CREATE TABLE library.media_items (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('movie', 'series')),
    title text NOT NULL,
    folded_title text NOT NULL,
    year integer,
    library text,
    alternative_titles text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX media_items_identity ON library.media_items (kind, folded_title, year) NULLS NOT DISTINCT;
CREATE INDEX media_items_newest ON library.media_items (created_at DESC, id DESC);

CREATE TABLE library.episodes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    media_item text NOT NULL REFERENCES library.media_items (id) ON DELETE CASCADE,
    season integer NOT NULL,
    number integer NOT NULL,
    UNIQUE (media_item, season, number)
);

CREATE TABLE library.downloads (
    client text NOT NULL,
    download_id text NOT NULL,
    request_id text NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('pending', 'bound', 'closing')),
    closing_reason text,
    epoch text,
    media_item text REFERENCES library.media_items (id) ON DELETE SET NULL,
    name text,
    magnet text,
    torrent bytea CHECK (octet_length(torrent) <= 5242880),
    save_path text,
    category text,
    missed_polls integer NOT NULL DEFAULT 0,
    missed_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (client, download_id)
);

CREATE TABLE library.imports (
    id text PRIMARY KEY,
    client text NOT NULL,
    download_id text NOT NULL,
    epoch text NOT NULL,
    -- The table's incarnation in which the epoch was seen: an epoch of first sight means nothing in another.
    incarnation text,
    wanted bigint NOT NULL,
    name text NOT NULL,
    category text,
    state text NOT NULL CHECK
        (state IN ('waiting', 'planned', 'importing', 'imported', 'blocked', 'failed', 'ignored')),
    reason text,
    message text,
    version integer NOT NULL DEFAULT 1,
    attempt integer NOT NULL DEFAULT 0,
    lease_owner text,
    lease_until timestamptz,
    -- When a worker looks at it next; NULL where only a person or new facts can change anything.
    next_retry_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    bound_item text REFERENCES library.media_items (id) ON DELETE SET NULL,
    media_item text REFERENCES library.media_items (id) ON DELETE SET NULL,
    library text,
    files_done integer NOT NULL DEFAULT 0,
    files_total integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (client, download_id, epoch)
);
CREATE INDEX imports_due ON library.imports (next_retry_at) WHERE next_retry_at IS NOT NULL;
CREATE INDEX imports_newest ON library.imports (created_at DESC, id DESC);

CREATE TABLE library.import_files (
    import_id text NOT NULL REFERENCES library.imports (id) ON DELETE CASCADE,
    position integer NOT NULL,
    path text NOT NULL,
    size bigint NOT NULL,
    verdict text NOT NULL,
    reason text,
    target text,
    season integer,
    episodes integer[] NOT NULL DEFAULT '{}',
    method text,
    placed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (import_id, position)
);

CREATE TABLE library.files (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    library text NOT NULL,
    path text NOT NULL,
    size bigint NOT NULL,
    inode bigint,
    checksum text,
    method text NOT NULL,
    media_item text REFERENCES library.media_items (id) ON DELETE SET NULL,
    import_id text REFERENCES library.imports (id) ON DELETE SET NULL,
    registered_at timestamptz NOT NULL,
    UNIQUE (library, path)
);
CREATE INDEX files_of_item ON library.files (media_item);
CREATE INDEX files_of_import ON library.files (import_id);

CREATE TABLE library.file_episodes (
    file bigint NOT NULL REFERENCES library.files (id) ON DELETE CASCADE,
    episode bigint NOT NULL REFERENCES library.episodes (id) ON DELETE CASCADE,
    PRIMARY KEY (file, episode)
);

CREATE TABLE library.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id text NOT NULL,
    event bytea NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON library.outbox (id) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON library.outbox (sent_at) WHERE sent_at IS NOT NULL;
"""


def upgrade() -> None:
    """Make everything."""
    run_sql(SCHEMA)


def downgrade() -> None:
    """Drop everything but the schema, which holds the version table."""
    run_sql(
        "DROP TABLE library.outbox, library.file_episodes, library.files, library.import_files, library.imports, "
        "library.downloads, library.episodes, library.media_items, library.clients"
    )
