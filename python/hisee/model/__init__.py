"""Objects, the application folder, and the configuration store behind its save gate.

`load_application(path)` reads a folder, `Store` keeps what a system runs. Both raise errors that name file, key and way out.
"""

from hisee.model.application import Application, load_application
from hisee.model.objects import ApplicationObject, Cell, Node, Process
from hisee.model.problem import ApplicationError, NoApplication, Problem
from hisee.model.store import ImportConflict, ImportRefused, ImportReport, NotStored, OpenPlan, Store, StoredPart, StoreError

__all__ = [
    "Application",
    "ApplicationError",
    "ApplicationObject",
    "Cell",
    "ImportConflict",
    "ImportRefused",
    "ImportReport",
    "NoApplication",
    "Node",
    "NotStored",
    "OpenPlan",
    "Problem",
    "Process",
    "Store",
    "StoreError",
    "StoredPart",
    "load_application",
]
