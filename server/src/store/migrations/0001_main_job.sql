-- One text for SQLite and PostgreSQL. `/*keyed*/` marks tables that SQLite keeps in the order of their key (WITHOUT ROWID).
-- Tables begin their keys with the team, apart from the host's: accounts, one_time_codes, sessions, throttles, host_secrets,
-- leases, servers, and invitations, which are found by address.

CREATE TABLE teams (
    team_id BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    directory_revision BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    next_number BIGINT NOT NULL,
    chain BYTEA NOT NULL
) /*keyed*/;

CREATE TABLE directory (
    team_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id BIGINT NOT NULL,
    image TEXT NOT NULL,
    content_id BIGINT NOT NULL,
    PRIMARY KEY (team_id, kind, id)
) /*keyed*/;

CREATE TABLE invitations (
    email_key TEXT NOT NULL,
    team_id BIGINT NOT NULL,
    member_id BIGINT NOT NULL,
    PRIMARY KEY (email_key, team_id)
) /*keyed*/;

CREATE TABLE contents (
    team_id BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (team_id, content_id)
) /*keyed*/;

CREATE TABLE tickets (
    team_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    version BIGINT NOT NULL,
    customer_version BIGINT NOT NULL,
    state BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    operator_id BIGINT,
    group_id BIGINT,
    former_group_id BIGINT,
    former_operator_id BIGINT,
    origin TEXT NOT NULL,
    secret_hash BYTEA,
    body_digest BYTEA,
    verified BOOLEAN NOT NULL,
    submitted_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed TEXT NOT NULL,
    expires_at BIGINT,
    ended_at BIGINT,
    content_id BIGINT NOT NULL,
    content_digest BYTEA NOT NULL,
    PRIMARY KEY (team_id, ticket_id)
) /*keyed*/;
CREATE UNIQUE INDEX tickets_by_number ON tickets (team_id, number);
CREATE UNIQUE INDEX tickets_by_secret ON tickets (team_id, secret_hash);
CREATE INDEX tickets_open ON tickets (team_id, priority DESC, submitted_at, ticket_id) WHERE ended_at IS NULL;
CREATE INDEX tickets_ended ON tickets (team_id, ended_at, ticket_id) WHERE ended_at IS NOT NULL;
CREATE INDEX tickets_ended_by_group ON tickets (team_id, group_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX tickets_due ON tickets (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE ticket_handlers (
    team_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    member_id BIGINT NOT NULL,
    PRIMARY KEY (team_id, ticket_id, member_id)
) /*keyed*/;
CREATE INDEX tickets_by_handler ON ticket_handlers (team_id, member_id, ticket_id);

CREATE TABLE tombstones (
    team_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    secret_hash BYTEA,
    PRIMARY KEY (team_id, number)
) /*keyed*/;
CREATE INDEX tombstones_by_secret ON tombstones (team_id, secret_hash);

CREATE TABLE messages (
    team_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    author_id BIGINT,
    written_at BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    content_digest BYTEA NOT NULL,
    PRIMARY KEY (team_id, ticket_id, message_id)
) /*keyed*/;

CREATE TABLE log (
    team_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    record TEXT NOT NULL,
    chain BYTEA NOT NULL,
    PRIMARY KEY (team_id, revision)
) /*keyed*/;

CREATE TABLE ticket_log (
    team_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (team_id, ticket_id, revision)
) /*keyed*/;

CREATE TABLE requests (
    team_id BIGINT NOT NULL,
    caller TEXT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    reply TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (team_id, caller, request_id)
) /*keyed*/;
CREATE INDEX requests_by_age ON requests (decided_at);

CREATE TABLE accounts (
    account_id BIGINT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    password_hash TEXT,
    team_id BIGINT,
    member_id BIGINT
) /*keyed*/;
CREATE UNIQUE INDEX accounts_by_email ON accounts (email_key);

CREATE TABLE one_time_codes (
    code_hash BYTEA NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    team_id BIGINT,
    member_id BIGINT,
    expires_at BIGINT NOT NULL
) /*keyed*/;
CREATE INDEX one_time_codes_by_account ON one_time_codes (account_id);

CREATE TABLE sessions (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    expires_at BIGINT NOT NULL
) /*keyed*/;
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE throttles (
    subject TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    since BIGINT NOT NULL
) /*keyed*/;

CREATE TABLE host_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
) /*keyed*/;

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
) /*keyed*/;

CREATE TABLE servers (
    server TEXT NOT NULL PRIMARY KEY,
    address TEXT NOT NULL,
    heartbeat_at BIGINT NOT NULL
) /*keyed*/;
