"""Queues of durable tasks: who works on them, and in which order a work process looks at them."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Queue:
    number: int
    name: str
    term: str  # the member must hold this term to claim from it; "" = none
    mode: str  # mode of the work processes that look at it
    rank: int  # lower first (R106, R108)
    runs: str  # kinds of functions it takes: tasks, program, service, engine, event
    doc: str


QUEUES = [
    Queue(1, "general", "", "WP", 30, "tasks program engine", "any work process"),
    Queue(2, "primary", "pwp", "WP", 10, "tasks engine", "the primary work process only"),
    Queue(3, "O", "role.O", "WP", 20, "tasks engine", "outputs: reports, exports, notifications"),
    Queue(4, "R", "role.R", "WP", 21, "tasks engine", "resource calculations: limits, calendars, derived values"),
    Queue(5, "dialog", "", "DWP", 30, "tasks engine", "dialog work processes; work processes while there is none"),
    Queue(6, "java", "", "WP", 31, "service", "services in Java work processes, watched by work processes"),
    Queue(7, "event", "", "WP", 32, "event", "durable starts of events, watched by work processes"),
]

TABLE = Table("queues", "QueueId", QUEUES, "Queues of durable tasks.")
