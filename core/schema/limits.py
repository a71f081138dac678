"""Limits: what a user of the system may run into. All can be set per system in app.toml, section [limits]."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Limit:
    number: int
    name: str
    value: int
    unit: str
    doc: str


MiB = 1 << 20
LIMITS = [
    Limit(1, "text_chars", 100_000, "characters", "longest TEXT; longer is cut on the right and marked Weak"),
    Limit(2, "name_chars", 64, "characters", "longest name of an object, local, procedure or label"),
    Limit(3, "record_rows", 1_000_000, "rows", "rows of a RECORD"),
    Limit(4, "record_columns", 1_000, "columns", "columns of a RECORD"),
    Limit(5, "call_depth", 1_000, "calls", "depth of local calls; more raises _ERR_STACK"),
    Limit(6, "gosub_depth", 256, "calls", "depth of GOSUB; more raises _ERR_STACK"),
    Limit(7, "expression_nesting", 200, "levels", "nesting of an expression and of blocks; more is a compile error"),
    Limit(8, "see_memory_bytes", 64 * MiB, "bytes", "private memory of one script instance"),
    Limit(9, "fuel_per_event", 10**10, "fuel", "fuel of one handled event; used up = the instance is killed"),
    Limit(10, "slice", 1_000, "back edges", "run of one instance before its neighbours get their turn"),
    Limit(11, "source_bytes", 4 * MiB, "bytes", "longest source of one part"),
    Limit(12, "compile_s", 5, "s", "longest compilation of one object"),
    Limit(13, "frame_before_logon_bytes", 4096, "bytes", "longest frame of a peer that has not proved the secret"),
    Limit(14, "frame_bytes", 16 * MiB, "bytes", "longest frame after logon"),
    Limit(15, "fragment_bytes", 64 * 1024, "bytes", "a longer message travels as fragments of this size"),
    Limit(16, "message_bytes", 256 * MiB, "bytes", "longest message"),
    Limit(17, "ring_bytes", 1 * MiB, "bytes", "capacity of a ring, per direction"),
    Limit(18, "instance_queue", 1_000, "requests", "requests waiting at one script instance"),
    Limit(19, "sees_per_console", 64, "SEEs", "remote parts of one console"),
    Limit(20, "request_limit_s", 120, "s", "longest wait of one action; over it the instance is ended"),
    Limit(21, "half_open_logons", 64, "connections", "connections that have not yet proved the secret"),
    Limit(22, "call_registers", 4_096, "registers", "registers of one procedure; more is a compile error that names it"),
    Limit(23, "backlog_bytes", 64 * MiB, "bytes", "unsent bytes to one slow peer before its link is closed"),
    Limit(24, "db_rows", 10_000, "rows", "rows one database read may return where the object names no limit"),
    Limit(26, "claim_batch", 256, "tasks", "tasks that a work process takes at once"),
    Limit(27, "task_args_bytes", 256 * 1024, "bytes", "arguments of one durable task; more belongs into a file or table"),
    Limit(28, "task_attempts", 5, "attempts", "attempts of a task before it is a dead letter"),
    Limit(29, "wp_min", 5, "processes", "plain work processes per node before further ones become dialog work processes; at least 2"),
    Limit(30, "cp_connections", 9_999, "connections", "clients of one communication process"),
    Limit(31, "job_output_bytes", 1 * MiB, "bytes", "output of an agent's program that is kept; the rest is counted"),
    Limit(32, "restarts", 5, "restarts", "restarts of one process within restart_window_s before it stays down with an alarm"),
    Limit(33, "restart_window_s", 60, "s", "window of the limit restarts"),
    Limit(34, "log_files", 10, "files", "log files kept per process, 00 the newest"),
    Limit(35, "log_bytes", 20 * MiB, "bytes", "size at which a process begins a new log file"),
    Limit(36, "log_days", 14, "days", "age at which a process begins a new log file"),
    Limit(37, "event_runs", 200, "runs", "trigger and start-up events that run at once in one event handler; further starts wait"),
    Limit(38, "event_starts", 10_000, "starts", "starts of events that wait at one event handler; a further one is refused"),
    Limit(60, "containers", 1_000, "containers", "data containers of one script instance; more raises _ERR_RANGE_ERROR"),
    Limit(61, "container_items", 1_000_000, "items", "items of one data container; more raises _ERR_RANGE_ERROR"),
    Limit(40, "handles", 1_000, "handles", "open handles of functions in one script instance: files, requests, JSON, XML"),
    Limit(41, "regex_chars", 4_096, "characters", "longest regular expression"),
    Limit(42, "file_bytes", 256 * MiB, "bytes", "size up to which a script may write a file, copy or hash one"),
    Limit(43, "dir_entries", 10_000, "names", "names that one %DirList may give; more is an I/O error"),
    Limit(44, "http_s", 100, "s", "longest time of one HTTP request of a script, redirects included"),
    Limit(45, "http_bytes", 4 * MiB, "bytes", "longest answer of an HTTP request of a script"),
    Limit(46, "http_redirects", 5, "redirects", "redirects that one HTTP request of a script follows"),
    Limit(47, "json_depth", 100, "levels", "nesting of a JSON text"),
    Limit(48, "json_items", 100_000, "items", "fields of one JSON object, elements of one array, values of one text"),
    Limit(49, "xml_bytes", 4 * MiB, "bytes", "size of an XML document of a script"),
    Limit(50, "xml_depth", 100, "levels", "nesting of an XML document"),
    Limit(51, "program_s", 100, "s", "longest time that a script waits for a program"),
    Limit(52, "programs", 20, "programs", "programs of one process that run at once"),
    Limit(53, "function_threads", 16, "threads", "functions of one process that wait at once for disk, network or programs; more take turns"),
    Limit(63, "external_s", 10, "s", "longest call of an external function whose object names no deadline, and longest wait for its turn"),
    Limit(62, "direct_routes", 64, "routes", "direct routes between processes of one computer, each with a ring either way; 0 = every message passes the server"),
    Limit(25, "event_parameters", 10, "parameters", "parameters of a picture event's handler"),
]

TABLE = Table("limits", "LimitId", LIMITS, "Limits and their defaults; keys of [limits] in app.toml.", in_c=("value",))
