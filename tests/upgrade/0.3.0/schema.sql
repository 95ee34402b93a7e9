SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA gateway;
CREATE SCHEMA history;
CREATE SCHEMA library;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE gateway.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE gateway.api_keys (
    id bigint NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_digest_check CHECK ((octet_length(digest) = 32))
);
ALTER TABLE gateway.api_keys ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME gateway.api_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE history.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE history.events (
    id text NOT NULL,
    type text NOT NULL,
    client text NOT NULL,
    download_id text,
    epoch text,
    "time" timestamp with time zone NOT NULL,
    source text NOT NULL,
    data jsonb NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE library.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE library.clients (
    client text NOT NULL,
    adopted_at timestamp with time zone NOT NULL,
    categories text[] NOT NULL
);
CREATE TABLE library.downloads (
    client text NOT NULL,
    download_id text NOT NULL,
    request_id text NOT NULL,
    state text NOT NULL,
    closing_reason text,
    epoch text,
    media_item text,
    name text,
    magnet text,
    torrent bytea,
    save_path text,
    category text,
    missed_polls integer DEFAULT 0 NOT NULL,
    missed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT downloads_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'bound'::text, 'closing'::text]))),
    CONSTRAINT downloads_torrent_check CHECK ((octet_length(torrent) <= 5242880))
);
CREATE TABLE library.episodes (
    id bigint NOT NULL,
    media_item text NOT NULL,
    season integer NOT NULL,
    number integer NOT NULL
);
ALTER TABLE library.episodes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME library.episodes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE library.file_episodes (
    file bigint NOT NULL,
    episode bigint NOT NULL
);
CREATE TABLE library.files (
    id bigint NOT NULL,
    library text NOT NULL,
    path text NOT NULL,
    size bigint NOT NULL,
    inode bigint,
    checksum text,
    method text NOT NULL,
    media_item text,
    import_id text,
    registered_at timestamp with time zone NOT NULL
);
ALTER TABLE library.files ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME library.files_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE library.import_files (
    import_id text NOT NULL,
    "position" integer NOT NULL,
    path text NOT NULL,
    size bigint NOT NULL,
    verdict text NOT NULL,
    reason text,
    target text,
    season integer,
    episodes integer[] DEFAULT '{}'::integer[] NOT NULL,
    method text,
    placed boolean DEFAULT false NOT NULL
);
CREATE TABLE library.imports (
    id text NOT NULL,
    client text NOT NULL,
    download_id text NOT NULL,
    epoch text NOT NULL,
    incarnation text,
    wanted bigint NOT NULL,
    name text NOT NULL,
    category text,
    state text NOT NULL,
    reason text,
    message text,
    version integer DEFAULT 1 NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    lease_owner text,
    lease_until timestamp with time zone,
    next_retry_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    bound_item text,
    media_item text,
    library text,
    files_done integer DEFAULT 0 NOT NULL,
    files_total integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT imports_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'planned'::text, 'importing'::text, 'imported'::text, 'blocked'::text, 'failed'::text, 'ignored'::text])))
);
CREATE TABLE library.media_items (
    id text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    folded_title text NOT NULL,
    year integer,
    library text,
    alternative_titles text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT media_items_kind_check CHECK ((kind = ANY (ARRAY['movie'::text, 'series'::text])))
);
CREATE TABLE library.outbox (
    id bigint NOT NULL,
    import_id text NOT NULL,
    event bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone
);
ALTER TABLE library.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME library.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY gateway.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY gateway.api_keys
    ADD CONSTRAINT api_keys_digest_key UNIQUE (digest);
ALTER TABLE ONLY gateway.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY history.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY history.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY library.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY library.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (client);
ALTER TABLE ONLY library.downloads
    ADD CONSTRAINT downloads_pkey PRIMARY KEY (client, download_id);
ALTER TABLE ONLY library.downloads
    ADD CONSTRAINT downloads_request_id_key UNIQUE (request_id);
ALTER TABLE ONLY library.episodes
    ADD CONSTRAINT episodes_media_item_season_number_key UNIQUE (media_item, season, number);
ALTER TABLE ONLY library.episodes
    ADD CONSTRAINT episodes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY library.file_episodes
    ADD CONSTRAINT file_episodes_pkey PRIMARY KEY (file, episode);
ALTER TABLE ONLY library.files
    ADD CONSTRAINT files_library_path_key UNIQUE (library, path);
ALTER TABLE ONLY library.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (id);
ALTER TABLE ONLY library.import_files
    ADD CONSTRAINT import_files_pkey PRIMARY KEY (import_id, "position");
ALTER TABLE ONLY library.imports
    ADD CONSTRAINT imports_client_download_id_epoch_key UNIQUE (client, download_id, epoch);
ALTER TABLE ONLY library.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (id);
ALTER TABLE ONLY library.media_items
    ADD CONSTRAINT media_items_pkey PRIMARY KEY (id);
ALTER TABLE ONLY library.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);
CREATE INDEX events_by_client ON history.events USING btree (client, "time", id);
CREATE INDEX events_by_download ON history.events USING btree (download_id, client, "time", id);
CREATE INDEX events_by_time ON history.events USING btree ("time", id);
CREATE INDEX events_of_a_life ON history.events USING btree (client, download_id) WHERE (type = ANY (ARRAY['download.added'::text, 'download.completed'::text, 'download.removed'::text, 'download.cancelled'::text]));
CREATE INDEX files_of_import ON library.files USING btree (import_id);
CREATE INDEX files_of_item ON library.files USING btree (media_item);
CREATE INDEX imports_due ON library.imports USING btree (next_retry_at) WHERE (next_retry_at IS NOT NULL);
CREATE INDEX imports_newest ON library.imports USING btree (created_at DESC, id DESC);
CREATE UNIQUE INDEX media_items_identity ON library.media_items USING btree (kind, folded_title, year) NULLS NOT DISTINCT;
CREATE INDEX media_items_newest ON library.media_items USING btree (created_at DESC, id DESC);
CREATE INDEX outbox_sent ON library.outbox USING btree (sent_at) WHERE (sent_at IS NOT NULL);
CREATE INDEX outbox_unsent ON library.outbox USING btree (id) WHERE (sent_at IS NULL);
ALTER TABLE ONLY library.downloads
    ADD CONSTRAINT downloads_media_item_fkey FOREIGN KEY (media_item) REFERENCES library.media_items(id) ON DELETE SET NULL;
ALTER TABLE ONLY library.episodes
    ADD CONSTRAINT episodes_media_item_fkey FOREIGN KEY (media_item) REFERENCES library.media_items(id) ON DELETE CASCADE;
ALTER TABLE ONLY library.file_episodes
    ADD CONSTRAINT file_episodes_episode_fkey FOREIGN KEY (episode) REFERENCES library.episodes(id) ON DELETE CASCADE;
ALTER TABLE ONLY library.file_episodes
    ADD CONSTRAINT file_episodes_file_fkey FOREIGN KEY (file) REFERENCES library.files(id) ON DELETE CASCADE;
ALTER TABLE ONLY library.files
    ADD CONSTRAINT files_import_id_fkey FOREIGN KEY (import_id) REFERENCES library.imports(id) ON DELETE SET NULL;
ALTER TABLE ONLY library.files
    ADD CONSTRAINT files_media_item_fkey FOREIGN KEY (media_item) REFERENCES library.media_items(id) ON DELETE SET NULL;
ALTER TABLE ONLY library.import_files
    ADD CONSTRAINT import_files_import_id_fkey FOREIGN KEY (import_id) REFERENCES library.imports(id) ON DELETE CASCADE;
ALTER TABLE ONLY library.imports
    ADD CONSTRAINT imports_bound_item_fkey FOREIGN KEY (bound_item) REFERENCES library.media_items(id) ON DELETE SET NULL;
ALTER TABLE ONLY library.imports
    ADD CONSTRAINT imports_media_item_fkey FOREIGN KEY (media_item) REFERENCES library.media_items(id) ON DELETE SET NULL;

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
INSERT INTO gateway.alembic_version VALUES ('0001');
INSERT INTO history.alembic_version VALUES ('0001');
INSERT INTO library.alembic_version VALUES ('0001');
