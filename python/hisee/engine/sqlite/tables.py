"""The tables of the engine in DATA/engine.db, beside those of the configuration store: made at the first use, checked at every other.

Indexes are partial: a task that has ended stands in none of them (but in that of its idempotency key), so that history costs nothing.
"""

from __future__ import annotations

import sqlite3

from hisee.engine.coordinator import EngineError

VERSION = 1

TABLES = """
CREATE TABLE engine_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE engine_member (
    incarnation INTEGER PRIMARY KEY, number INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, node TEXT NOT NULL,
    host TEXT NOT NULL, pid INTEGER NOT NULL, birth INTEGER NOT NULL, port INTEGER NOT NULL, mode TEXT NOT NULL,
    joined_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0, ended TEXT NOT NULL DEFAULT '',
    slot INTEGER NOT NULL,                              -- its place in engine.beats
    UNIQUE (kind, number));
CREATE TABLE engine_term (term TEXT PRIMARY KEY, holder INTEGER NOT NULL, epoch INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE engine_fence (one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL, task INTEGER NOT NULL);
INSERT INTO engine_fence VALUES (1, 0, 0);              -- last token given, last task number given before a deletion: neither goes back
CREATE TABLE engine_task (
    id INTEGER PRIMARY KEY, state INTEGER NOT NULL, queue INTEGER NOT NULL, priority INTEGER NOT NULL, due_ms INTEGER NOT NULL,
    behind INTEGER NOT NULL DEFAULT 0,                  -- 1 = an older living task has its order_key
    held INTEGER NOT NULL DEFAULT 0,                    -- 1 = its condition is not met yet
    alone INTEGER NOT NULL DEFAULT 0,                   -- 1 = an attempt failed, 2 = the member that had it died
    attempt INTEGER NOT NULL DEFAULT 0, owner INTEGER, token INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL, retry_s REAL NOT NULL, timeout_s REAL NOT NULL,
    created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0,
    func TEXT NOT NULL, order_key TEXT, key TEXT, after TEXT, resources TEXT, agent TEXT, parent INTEGER NOT NULL,
    status TEXT, result TEXT, text TEXT, progress REAL, progress_text TEXT, generated TEXT,
    steps TEXT NOT NULL, args TEXT NOT NULL);
CREATE INDEX engine_task_ready ON engine_task (queue, priority, due_ms) WHERE state = 5 AND behind = 0;
CREATE INDEX engine_task_behind ON engine_task (queue, due_ms) WHERE state = 5 AND behind = 1;
CREATE INDEX engine_task_due ON engine_task (due_ms, queue) WHERE state = 2;
CREATE INDEX engine_task_condition ON engine_task (queue, due_ms) WHERE state = 3;
CREATE INDEX engine_task_resource ON engine_task (resources, priority, due_ms, id, queue) WHERE state = 4;
CREATE INDEX engine_task_using ON engine_task (resources) WHERE resources IS NOT NULL AND state >= 5 AND state < 10;
CREATE INDEX engine_task_owner ON engine_task (owner, queue) WHERE owner IS NOT NULL;
CREATE INDEX engine_task_line ON engine_task (order_key) WHERE order_key IS NOT NULL AND state < 10;
CREATE UNIQUE INDEX engine_task_key ON engine_task (key) WHERE key IS NOT NULL;
CREATE INDEX engine_task_failed ON engine_task (state) WHERE state > 10;
CREATE TABLE engine_after (
    task INTEGER NOT NULL, before INTEGER NOT NULL, ended INTEGER,  -- state in which the task before has ended; NULL = not yet
    PRIMARY KEY (task, before)) WITHOUT ROWID;
CREATE INDEX engine_after_before ON engine_after (before);
CREATE INDEX engine_after_ended ON engine_after (ended) WHERE ended IS NOT NULL;
CREATE TABLE engine_outbox (task INTEGER NOT NULL, position INTEGER NOT NULL, target TEXT NOT NULL, payload TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (task, position)) WITHOUT ROWID;
CREATE INDEX engine_outbox_open ON engine_outbox (task, position) WHERE sent = 0;
CREATE TABLE engine_seen (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX engine_seen_at ON engine_seen (at_ms);
CREATE TABLE engine_fact (key TEXT PRIMARY KEY, number INTEGER, value TEXT) WITHOUT ROWID;   -- value = JSON when it is no whole number
CREATE TABLE engine_schedule (name TEXT PRIMARY KEY, row TEXT NOT NULL, next_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE engine_capacity (resource TEXT PRIMARY KEY, capacity INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE engine_report (job INTEGER NOT NULL, number INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (job, number)) WITHOUT ROWID;
CREATE TABLE engine_audit (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL);
"""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables, or check that this release knows them; raises EngineError for those of a newer one.

    The caller holds the turn: no second process makes them at the same time.
    """
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'engine_meta'").fetchone():
        db.executescript(f"BEGIN IMMEDIATE; {TABLES} INSERT INTO engine_meta VALUES ('version', '{VERSION}'); COMMIT;")
    found = dict(db.execute("SELECT key, value FROM engine_meta WHERE key IN ('version', 'min_reader')"))
    version = found["version"]
    if int(found.get("min_reader", version)) > VERSION:  # a later release that only added something says who can still use the file
        raise EngineError(f"the engine's tables were made by a newer hisee (version {version})", hint="install that release")
