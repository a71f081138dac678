-- The engine database on PostgreSQL. Rules: docs/design/engine.md. Times `_ms` are engine_now(); leases are timestamptz of
-- clock_timestamp(). JSON is kept as text: it comes back byte for byte, and jsonb refuses the character U+0000.

CREATE TABLE engine_meta (name text PRIMARY KEY, value text NOT NULL);
INSERT INTO engine_meta VALUES ('version', '1');

-- The clock of due times and lives; a test that lets time pass replaces it.
CREATE FUNCTION engine_now() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint $$;

CREATE TABLE engine_member (
    incarnation bigint PRIMARY KEY,
    kind text NOT NULL, number integer NOT NULL, name text NOT NULL, node text NOT NULL, host text NOT NULL,
    pid integer NOT NULL, birth bigint NOT NULL, place text NOT NULL,  -- place: kernel and pid namespace in which pid and birth name it
    port integer NOT NULL, mode text NOT NULL,
    joined_ms bigint NOT NULL, ended_ms bigint NOT NULL DEFAULT 0, ended text NOT NULL DEFAULT '',
    beat timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (kind, number)
) WITH (fillfactor = 50);  -- beats change a row where it lies

CREATE TABLE engine_term (term text PRIMARY KEY, holder bigint NOT NULL DEFAULT 0, epoch bigint NOT NULL DEFAULT 0);

-- Tokens. nextval never goes back, and claims commit durably so that a crash does not hand a token out twice.
CREATE SEQUENCE engine_fence;

CREATE TABLE engine_task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    func text NOT NULL, args text NOT NULL, queue text NOT NULL, state smallint NOT NULL,
    priority smallint NOT NULL, due_ms bigint NOT NULL, order_key text NOT NULL, key text,
    attempt integer NOT NULL DEFAULT 0, max_attempts integer NOT NULL, retry_s float8 NOT NULL, timeout_s float8 NOT NULL,
    after bigint[] NOT NULL DEFAULT '{}', resources text[] NOT NULL DEFAULT '{}',
    agent text NOT NULL, parent bigint NOT NULL,
    owner bigint NOT NULL DEFAULT 0, owner_name text NOT NULL DEFAULT '', token bigint NOT NULL DEFAULT 0,
    behind boolean NOT NULL DEFAULT false,     -- not the oldest living one of its order key; the oldest is never marked
    orphaned boolean NOT NULL DEFAULT false,   -- its last owner was buried; what it had begun is for review at a cold start
    born bigint NOT NULL,                      -- number of the call that put it, for a commit whose outcome is unknown
    taken bigint NOT NULL DEFAULT 0,           -- number of the call that claimed it last
    settled bigint NOT NULL DEFAULT 0,         -- token of the claim that finished it last
    status text NOT NULL DEFAULT '', result text NOT NULL DEFAULT 'null', text text NOT NULL DEFAULT '',
    progress float8, progress_text text NOT NULL DEFAULT '', generated text NOT NULL DEFAULT '',
    created_ms bigint NOT NULL, ended_ms bigint NOT NULL DEFAULT 0,
    steps text NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX engine_task_ready ON engine_task (queue, priority, due_ms, id) WHERE state = 5 AND NOT behind;
CREATE INDEX engine_task_behind ON engine_task (queue) WHERE state = 5 AND behind;
CREATE INDEX engine_task_due ON engine_task (due_ms) WHERE state = 2;
CREATE INDEX engine_task_condition ON engine_task (id) WHERE state = 3;
CREATE INDEX engine_task_using ON engine_task (id) WHERE resources <> '{}' AND state >= 5 AND state < 10;
CREATE INDEX engine_task_resource ON engine_task (resources, priority, due_ms, id) WHERE state = 4;
CREATE INDEX engine_task_owner ON engine_task (owner) WHERE state BETWEEN 6 AND 9;
CREATE INDEX engine_task_orphaned ON engine_task (id) WHERE orphaned;
CREATE UNIQUE INDEX engine_task_key ON engine_task (key) WHERE key IS NOT NULL;
CREATE INDEX engine_task_line ON engine_task (order_key, id) WHERE order_key <> '' AND state < 10;
-- Whatever else goes wrong: the database itself never lets two tasks of one key run at the same time.
CREATE UNIQUE INDEX engine_task_one ON engine_task (order_key) WHERE order_key <> '' AND state BETWEEN 6 AND 9;

-- Sent rows stay as long as keys are kept: a task that an operator has repeated does not send again.
CREATE TABLE engine_outbox (
    task bigint, position integer, target text NOT NULL, payload text NOT NULL, sent_ms bigint NOT NULL DEFAULT 0, PRIMARY KEY (task, position));
CREATE INDEX engine_outbox_open ON engine_outbox (task, position) WHERE sent_ms = 0;
CREATE INDEX engine_outbox_sent ON engine_outbox (sent_ms) WHERE sent_ms > 0;
CREATE TABLE engine_seen (key text PRIMARY KEY, call bigint NOT NULL, at_ms bigint NOT NULL);
CREATE INDEX engine_seen_at ON engine_seen (at_ms);
CREATE TABLE engine_fact (key text COLLATE "C" PRIMARY KEY, value text NOT NULL);
CREATE TABLE engine_schedule (name text PRIMARY KEY, plan text NOT NULL, next_ms bigint NOT NULL);
CREATE TABLE engine_capacity (resource text PRIMARY KEY, capacity integer NOT NULL);
CREATE TABLE engine_report (job bigint, number bigint, call bigint NOT NULL, report text NOT NULL, PRIMARY KEY (job, number));
CREATE TABLE engine_audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, call bigint NOT NULL, at_ms bigint NOT NULL,
    who text NOT NULL, what text NOT NULL, detail text NOT NULL);
CREATE INDEX engine_audit_call ON engine_audit (call);
