"""External functions: the listed library that an object names, and the function of its header. What is wrong is told with its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from hisee.esl.context import Foreign
from hisee.model import forms
from hisee.model.names import OBJECT
from hisee.model.objects import ApplicationObject
from hisee.model.problem import choose_from
from hisee.model.reader import line_of

Tell = Callable[[str, str, object, str, int], None]  # key, text, value, hint, line (0 = that of the object)


def library_of(listed: Sequence[str], wanted: str) -> str:
    """Path of the listed library that is wanted by its path or its file name. Raises ValueError."""
    if wanted in listed:
        return wanted
    found = [path for path in listed if PurePosixPath(path).name == wanted]
    if len(found) > 1:
        raise ValueError(f"is the name of several libraries: {', '.join(found)}")
    if not found:
        raise ValueError("is not among the libraries that may be opened")
    return found[0]


def foreign_of(form: forms.ExternalFunction, listed: Sequence[str]) -> Foreign | None:
    """What a call needs; None for a definition that `check` tells of."""
    from hisee.external.declaration import DeclarationError, declared  # late: few applications have any

    try:
        found = declared(form.declaration, form.function)
        return Foreign(library_of(listed, form.library), form.declaration, found.name, found.parameters, found.result, form.deadline_s)
    except (DeclarationError, ValueError):
        return None


def check(item: ApplicationObject, form: forms.ExternalFunction, listed: Sequence[str], tell: Tell) -> None:
    """Tell what is wrong with a definition."""
    from hisee.external.declaration import DeclarationError, declared

    if _is_function(item.name):
        text = "is a function of the language: nobody could call the object"
        tell("", text, f"%{item.name}", "another name, with a dot in it: X.Name", 0)
    try:
        library_of(listed, form.library)
    except ValueError as error:
        hint = choose_from(form.library, listed) if listed else 'list it in app.toml: [scripts] libraries = ["/path/of/it.so"]'
        tell("library", str(error), form.library, hint, 0)
    try:
        declared(form.declaration, form.function)
    except DeclarationError as error:
        tell("declaration", str(error), form.function or form.declaration.strip()[:60], "", line_in(item, error.line))


def line_in(item: ApplicationObject, line: int) -> int:
    """Line of the file for a line of the header, which may be a text of several lines."""
    text = item.source.parts[OBJECT].decode("utf-8", "replace")
    start = line_of(text, "declaration", item.source.line)
    row = text.split("\n")[start - item.source.line]
    opened = row.partition("=")[2].strip()
    if opened not in ('"""', "'''"):  # the header begins behind the quotes
        return start + line - 1
    return start + line


def _is_function(name: str) -> bool:
    from hisee.esl.front.signatures import FUNCTIONS, PICTURE_FUNCTIONS
    from hisee.esl.front.words import LATER_FUNCTIONS

    key = "%" + name.lower()
    return key in FUNCTIONS or key in PICTURE_FUNCTIONS or key in LATER_FUNCTIONS
