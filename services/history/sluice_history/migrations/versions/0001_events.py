"""The events, once each.

Pages follow (time, id): rows commit out of order, so that nothing may page by when a row came in.
"""

from sluice_common.db.migrate import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("""
        CREATE TABLE history.events (
            id text PRIMARY KEY,
            type text NOT NULL,
            client text NOT NULL,
            download_id text,
            epoch text,
            time timestamptz NOT NULL,
            source text NOT NULL,
            data jsonb NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX events_by_time ON history.events (time, id);
        CREATE INDEX events_by_client ON history.events (client, time, id);
        CREATE INDEX events_by_download ON history.events (download_id, client, time, id);
        CREATE INDEX events_of_a_life ON history.events (client, download_id)
            WHERE type IN ('download.added', 'download.completed', 'download.removed', 'download.cancelled');
    """)


def downgrade() -> None:
    run_sql("DROP TABLE history.events")
