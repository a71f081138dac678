"""ESL: the event script language. Source texts to units (compile_object), and what the compiler has to say (Diagnostic)."""

from hisee.esl.compile import Compiled, CompiledPart, compile_object, compile_source
from hisee.esl.context import Directory, ObjectContext, ObjectEntry
from hisee.esl.diagnostics import Diagnostic, Note, render

__all__ = [
    "Compiled", "CompiledPart", "Diagnostic", "Directory", "Note", "ObjectContext", "ObjectEntry", "compile_object", "compile_source",
    "render",
]
