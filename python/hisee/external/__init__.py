"""C functions of foreign libraries, each library in a process of its own: a crash there is an error here (docs/design/external.md).

Headers are read by `hisee.external.declaration`; whoever only makes calls has no need of it.
"""

from hisee.external.library import ExternalError, Library
from hisee.external.line import External, State

__all__ = ["External", "ExternalError", "Library", "State"]
