"""C functions of foreign libraries, each library in a process of its own: a crash there is an error here (docs/design/external.md)."""

from hisee.external.library import External, ExternalError, Library

__all__ = ["External", "ExternalError", "Library"]
