"""Constants a script may name: @ words and predefined _ words. Errors (_ERR_...) stand in their own table."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Constant:
    number: int
    name: str
    type: str
    value: int
    doc: str


CONSTANTS = [
    Constant(1, "@TRUE", "BOOL", 1, "true"),
    Constant(2, "@FALSE", "BOOL", 0, "false"),
    Constant(3, "@ZV", "BOOL", 1, "closed: same as @TRUE"),
    Constant(4, "@OV", "BOOL", 0, "open: same as @FALSE"),
    Constant(10, "@HodInt", "INT", 3600, "seconds of an hour"),
    Constant(11, "@MinInt", "INT", 60, "seconds of a minute"),
    Constant(12, "@SecInt", "INT", 1, "one second"),
    Constant(20, "_LOG_PRTY_INFO", "INT", 0, "priority of a log line: information"),
    Constant(21, "_LOG_PRTY_LOW", "INT", 1, "priority of a log line: low"),
    Constant(22, "_LOG_PRTY_WARNING", "INT", 2, "priority of a log line: warning"),
    Constant(23, "_LOG_PRTY_ALARM", "INT", 3, "priority of a log line: alarm"),
    Constant(24, "_LOG_PRTY_CRITALARM", "INT", 4, "priority of a log line: critical alarm"),
    Constant(25, "_LOG_PRTY_ERROR", "INT", 5, "priority of a log line: error"),
    Constant(30, "_DB_READ", "INT", 1, "DB_CONNECT: read only"),
    Constant(31, "_DB_MODIFY", "INT", 2, "DB_CONNECT: read and change"),
    Constant(40, "_Q_NO", "INT", 0, "QUERY: answered no"),
    Constant(41, "_Q_YES", "INT", 1, "QUERY: answered yes"),
    Constant(42, "_Q_DONTKNOW", "INT", 2, "QUERY: answered don't know"),
    Constant(43, "_Q_TIMEOUT", "INT", 3, "QUERY: nobody answered in time"),
]

TABLE = Table("constants", "ConstantId", CONSTANTS, "Constants of the language.")
