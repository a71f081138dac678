"""The compiler's passes: lexer, parser, checker, code generator. Built with Cython; with HISEE_PURE=1 the same files run as
Python, under any debugger."""

import os
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader


class _Plain:
    """Finds the .py of this package even where a compiled module lies beside it."""

    _files = FileFinder(os.path.dirname(__file__), (SourceFileLoader, SOURCE_SUFFIXES))

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return cls._files.find_spec(name) if name.startswith(__name__ + ".") else None


if os.environ.get("HISEE_PURE") == "1":
    sys.meta_path.insert(0, _Plain)
