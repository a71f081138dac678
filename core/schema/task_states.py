"""States of a durable task from registration to its end, each with the message number that logs and `task show` carry."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class TaskState:
    number: int
    name: str
    message: str
    claimed: bool  # a member has it
    ended: bool
    doc: str


STATES = [
    TaskState(1, "registered", "V7101", False, False, "written into the engine database; acknowledged"),
    TaskState(2, "waiting due", "V7102", False, False, "its time has not come"),
    TaskState(3, "waiting condition", "V7103", False, False, "tasks before it have not ended ok"),
    TaskState(4, "waiting resource", "V7104", False, False, "a limit on parallel runs is reached"),
    TaskState(5, "ready", "V7105", False, False, "waits in its queue for a work process"),
    TaskState(6, "activated", "V7106", True, False, "a work process has taken it"),
    TaskState(7, "generated", "V7107", True, False, "its function or template is resolved; the generated form is kept"),
    TaskState(8, "started", "V7108", True, False, "handed to what runs it"),
    TaskState(9, "active", "V7109", True, False, "it runs, here, on an agent or in a Java work process"),
    TaskState(10, "ended ok", "V7110", False, True, "done, with its effects"),
    TaskState(11, "ended not ok", "V7111", False, True, "failed; no further attempt"),
    TaskState(12, "cancelled", "V7112", False, True, "ended by order"),
    TaskState(13, "lost", "V7113", False, True, "what ran it is gone and nobody can say how it ended"),
    TaskState(14, "dead letter", "V7114", False, True, "every attempt failed or killed its worker; an operator may retry it"),
    TaskState(15, "review", "V7115", False, True, "was running at a cold start; a person decides"),
]

TABLE = Table("task_states", "TaskStateId", STATES, "States of a durable task.")
