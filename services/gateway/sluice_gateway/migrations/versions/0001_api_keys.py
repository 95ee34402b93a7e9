"""API keys, as hashes only."""

from sluice_common.db.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(
        """
        CREATE TABLE gateway.api_keys (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL,
            digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz
        );
        """
    )


def downgrade() -> None:
    run_sql("DROP TABLE gateway.api_keys")
