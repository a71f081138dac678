"""What a right is about: the actions that `allow(user, action, object)` is asked for, where each is carried out."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Right:
    number: int
    name: str
    doc: str


RIGHTS = [
    Right(1, "set", "write the value of an object, from a script, a command or a program"),
    Right(2, "open", "open a picture or an event on a console"),
    Right(3, "data", "reach a table of a database from a script"),
    Right(4, "save", "save an object into the configuration store"),
    Right(5, "stop", "end the system"),
    Right(6, "tell", "send a command to a process"),
    Right(7, "task", "put, cancel or retry durable tasks; the object is the function"),
    Right(8, "schedule", "make, change or drop a schedule"),
]

TABLE = Table("rights", "RightId", RIGHTS, "Rights: what app.toml, section [rights], grants to a user.")
