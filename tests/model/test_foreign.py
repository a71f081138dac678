"""Objects of type external_function: which library, which function, and what is told of one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisee.esl.context import Foreign
from hisee.model import ApplicationError, load_application
from hisee.model.gate import build, check_application

HEAD = 'name = "PLANT"\n[nodes.SRV1]\nprocesses = [{kind = "server"}]\n[scripts]\n'
HEAD += 'libraries = ["/usr/lib/a/libif97.so", "/usr/lib/b/libsteam.so"]\n'
DECLARED = '"double enthalpy(double p, double t);"'
OBJECT = '["X.Enthalpy"]\ntype = "external_function"\nlibrary = "libif97.so"\ndeclaration = "double enthalpy(double p, double t);"\n'


def load(folder: Path, objects: str, head: str = HEAD):
    (folder / "app.toml").write_text(head)
    (folder / "objects.toml").write_text(objects)
    return load_application(folder)


def refused(folder: Path, objects: str, head: str = HEAD) -> list[str]:
    with pytest.raises(ApplicationError) as told:
        load(folder, objects, head)
    return [f"{p.file}:{p.line} {p.key}: {p.text} {p.hint}" for p in told.value.problems]


def test_the_compiler_is_told_what_a_call_needs(tmp_path: Path) -> None:
    application = load(tmp_path, OBJECT + "deadline_s = 2.5\n")
    assert application.warnings == []
    entry = application.directory().object("x.enthalpy")
    assert entry is not None and entry.foreign == Foreign("/usr/lib/a/libif97.so", "double enthalpy(double p, double t);", "enthalpy",
                                                          ("REAL", "REAL"), "REAL", 2.5)


def test_one_function_of_a_header_by_its_name(tmp_path: Path) -> None:
    text = '["X.B"]\ntype = "external_function"\nlibrary = "/usr/lib/b/libsteam.so"\nfunction = "b"\n'
    text += 'declaration = """\nint a(int x);\nvoid b(void);\n"""\n'
    entry = load(tmp_path, text).directory().object("X.B")
    assert entry is not None and entry.foreign is not None
    assert (entry.foreign.function, entry.foreign.parameters, entry.foreign.result) == ("b", (), "")


@pytest.mark.parametrize(("change", "words"), [
    (("libif97.so", "libother.so"), "objects.toml:1 X.Enthalpy.library: is not among the libraries that may be opened"),
    (("double p, double t", "double p, double"), None),
    (("double t);", "double t"), "objects.toml:4 X.Enthalpy.declaration: no C: At end of input"),
    (("double t);", "double *t);"), "objects.toml:4 X.Enthalpy.declaration: parameter 2 of enthalpy is `double *`: only"),
    (("X.Enthalpy", "Sqrt"), "objects.toml:1 Sqrt: is a function of the language"),
    ((DECLARED, '"""\n/* a */\nint x;\n\nunknown f(int a);\n"""'), "objects.toml:8 X.Enthalpy.declaration: no C: "),
    ((DECLARED, '"""int x;\nunknown f(int a);\n"""'), "objects.toml:5 X.Enthalpy.declaration: no C: "),
    (('t);"\n', 't);"\nfunction = "other"\n'), "it declares no function other"),
    (('t);"\n', 't);"\ndeadline_s = 0\n'), "deadline_s"),
    (('t);"\n', 't);"\nheader = "x"\n'), "unknown key"),
])
def test_what_cannot_be_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], words: str | None) -> None:
    text = OBJECT.replace(*change)
    assert text != OBJECT
    if words is None:
        load(tmp_path, text)
        return
    found = refused(tmp_path, text)
    assert len(found) == 1 and words in found[0]


def test_nothing_listed_is_nothing_allowed(tmp_path: Path) -> None:
    head = HEAD.partition("[scripts]")[0]
    assert "list it in app.toml: [scripts] libraries" in refused(tmp_path, OBJECT, head)[0]
    twice = HEAD.replace("libsteam.so", "libif97.so")
    assert "is the name of several libraries: /usr/lib/a/libif97.so, /usr/lib/b/libif97.so" in refused(tmp_path, OBJECT, twice)[0]
    assert load(tmp_path, OBJECT.replace("libif97", "/usr/lib/b/libif97"), twice).find("X.Enthalpy") is not None
    relative = HEAD.replace("/usr/lib/a/", "")
    assert any("scripts.libraries: no absolute path" in line for line in refused(tmp_path, OBJECT, relative))


def event(folder: Path, text: str) -> None:
    made = folder / "events/E.Test"
    made.mkdir(parents=True)
    (made / "event.toml").write_text('event_type = "trigger"\n')
    (made / "local.esl").write_text(text)


def test_a_script_that_calls_it_uses_the_object(tmp_path: Path) -> None:
    event(tmp_path, "REAL _h\nBEGIN\n  _h := %X.Enthalpy(1, 2.5)\nEND\n")
    (result,) = build(load(tmp_path, OBJECT))
    assert result.ok, result.diagnostics
    assert result.used == ["X.Enthalpy"]


def test_a_script_that_calls_it_wrongly_is_refused(tmp_path: Path) -> None:
    event(tmp_path, "REAL _h\nBEGIN\n  _h := %X.Enthalpy(1)\nEND\n")
    found = check_application(load(tmp_path, OBJECT))
    assert [(d["code"], d["file"], d["line"]) for d in found] == [("ESL2007", "events/E.Test/local.esl", 3)]
