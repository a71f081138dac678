"""The language server as an editor meets it: a process of its own, the real protocol, the files of an application."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.source import ROOT

from .client import Client

LOCAL = """\
INT _rc
TEXT _answer

PROCEDURE Show(IN TEXT _text)
  %HI_SetText(_LblAnswer, _text)
END Show

ENTRY BtnHello_OnClick
  CALL [] Greet(%HI_GetText(_EntName), _answer) SYNC
  CALL Show(_answer)
END BtnHello_OnClick

BEGIN
END
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lsp") / "hello"
    shutil.copytree(ROOT / "examples/hello", folder, ignore=shutil.ignore_patterns(".hisee"))
    picture = folder / "pictures/S.Hello"
    with open(picture / "picture.toml", "a") as file:
        file.write('\n[objects.LblAnswer]\nkind = "text"\n\n[objects.EntName]\nkind = "entry"\n')
    svg = (picture / "picture.svg").read_text()
    more = '<text id="LblAnswer" x="10" y="10">a</text><rect id="EntName" x="1" y="1" width="9" height="9"/></svg>'
    (picture / "picture.svg").write_text(svg.replace("</svg>", more))
    (folder / "objects.toml").write_text(
        '["U.Count"]\ntype = "user_variable"\nvalue_type = "INT"\n\n["SD.Tank"]\ntype = "structure_definition"\n'
        'columns = [["Name", "TEXT"], ["Level", "REAL"]]\n')
    return folder


@pytest.fixture(scope="module")
def editor(app: Path):
    client = Client(app)
    yield client
    assert client.close() == 0


@pytest.fixture
def local(app: Path, editor: Client):
    """The local part, open with LOCAL as its text."""
    uri = editor.open(app / "pictures/S.Hello/local.esl", LOCAL)
    yield uri
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def place(text: str, part: str, behind: bool = True) -> tuple[int, int]:
    """Line and character (from 0) of a piece of text."""
    at = text.index(part) + (len(part) if behind else 0)
    return text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1)


def labels(answer: dict) -> list[str]:
    return [item["label"] for item in answer["items"]]


def test_a_clean_text_has_no_findings_and_a_typo_has_one(editor, local):
    assert editor.diagnostics(local) == []
    line, character = place(LOCAL, "CALL Show", behind=False)
    editor.edit(local, line, character, character + 9, "CALL Shwo")
    (found,) = editor.diagnostics(local)
    assert (found["code"], found["range"]["start"]["line"], found["severity"]) == ("ESL2006", line, 1)
    assert "did you mean `Show`?" in found["message"]
    actions = editor.request("textDocument/codeAction", {
        "textDocument": {"uri": local}, "range": found["range"], "context": {"diagnostics": [found]}})
    (fix,) = actions
    assert fix["title"] == "write `Show`" and fix["isPreferred"]
    (edit,) = fix["edit"]["changes"][local]
    assert edit["newText"] == "Show" and edit["range"]["start"]["character"] == character + 5


def test_names_after_percent_are_functions_with_signature_and_sentence(editor, local):
    text = LOCAL.replace("  CALL Show(_answer)", "  _answer := %StrR")
    editor.replace(local, text)
    answer = editor.at("completion", local, *place(text, "%StrR"))
    found = {i["label"]: i for i in answer["items"]}
    assert "%StrRight" in found and "TEXT %StrRight(TEXT s, INT n)" in found["%StrRight"]["detail"] and found["%StrRight"]["documentation"]


def test_variables_objects_columns_events_and_procedures_of_the_other_part(editor, local):
    text = LOCAL.replace("  CALL Show(_answer)", "  _\n  U.\n  RECORD NOALIAS (SD.Tank) _t\n  _t[1]^\n  CALL [] \n")
    text = text.replace("BEGIN", "ENTRY \nBEGIN")
    editor.replace(local, text)
    names = labels(editor.at("completion", local, *place(text, "  _\n"[:-1])))
    assert {"_rc", "_answer", "_LblAnswer", "_ERR_NR"} <= set(names) and "_text" not in names
    assert labels(editor.at("completion", local, *place(text, "  U."))) == ["U.Count"]
    assert labels(editor.at("completion", local, *place(text, "_t[1]^"))) == ["Name", "Level"]
    assert "Greet" in labels(editor.at("completion", local, text[: text.index("  CALL [] \n")].count("\n"), 10))
    events = {i["label"]: i for i in editor.at("completion", local, text[: text.index("ENTRY \n")].count("\n"), 6)["items"]}
    assert "BtnHello_OnMouseDown" in events and "BtnHello_OnClick" not in events
    assert events["BtnHello_OnMouseDown"]["textEdit"]["newText"].endswith("END BtnHello_OnMouseDown")


def test_nothing_is_offered_inside_texts_and_comments(editor, local):
    text = LOCAL.replace("  CALL Show(_answer)", '  LOG "%S  ; %S')
    editor.replace(local, text)
    assert labels(editor.at("completion", local, *place(text, '"%S'))) == []


def test_signature_help_follows_the_commas(editor, local):
    line, character = place(LOCAL, "CALL [] Greet(%HI_GetText(_EntName), ")
    told = editor.at("signatureHelp", local, line, character)
    assert told["signatures"][0]["label"].startswith("RPC PROCEDURE Greet(") and told["activeParameter"] == 1
    line, character = place(LOCAL, "%HI_SetText(_LblAnswer, ")
    told = editor.at("signatureHelp", local, line, character)
    assert told["signatures"][0]["label"] == "%HI_SetText(INT refid, TEXT text)" and told["activeParameter"] == 1


@pytest.mark.parametrize(("before", "wanted"), [
    ("%HI_Set", "text shown by the object"), ("CALL Show(_ans", "global of the local part"), ("CALL Sh", "PROCEDURE Show(IN TEXT _text)"),
    ("[] Gre", "procedure of the remote part"), ("%HI_SetText(_Lbl", "graphical object `LblAnswer`"), ("ENTRY BtnHello_On", "was clicked"),
    ("  CALL", "CALL procedure(arguments)"), ("(IN TEXT _te", "parameter"),
])
def test_hover_tells_what_a_name_is(editor, local, before, wanted):
    told = editor.at("hover", local, *place(LOCAL, before))
    assert wanted in told["contents"]["value"]


def test_the_definition_of_a_remote_procedure_is_in_the_other_file(app, editor, local):
    found = editor.at("definition", local, *place(LOCAL, "[] Gre"))
    assert found["uri"].endswith("remote.esl")
    remote = (app / "pictures/S.Hello/remote.esl").read_text().split("\n")
    assert "Greet" in remote[found["range"]["start"]["line"]]
    assert editor.at("definition", local, *place(LOCAL, "CALL Show(_ans"))["range"]["start"] == {"line": 1, "character": 5}
    assert editor.at("definition", local, *place(LOCAL, "%HI_SetText(_Lbl"))["uri"].endswith("picture.toml")


def test_a_rename_reaches_both_parts(editor, local):
    line, character = place(LOCAL, "[] Gre")
    assert editor.at("prepareRename", local, line, character) is not None
    changes = editor.at("rename", local, line, character, newName="Welcome")["changes"]
    assert {uri.rsplit("/", 1)[1] for uri in changes} == {"local.esl", "remote.esl"}
    assert len(next(v for k, v in changes.items() if k.endswith("remote.esl"))) == 2  # header and END


def test_a_rename_to_a_taken_name_is_refused(editor, local):
    assert editor.at("rename", local, *place(LOCAL, "[] Gre"), newName="Show") is None
    assert editor.at("rename", local, *place(LOCAL, "CALL Show(_ans"), newName="_rc") is None
    assert editor.at("rename", local, *place(LOCAL, "CALL Show(_ans"), newName="answer") is None
    assert editor.at("prepareRename", local, *place(LOCAL, "%HI_Set")) is None


def test_the_outline_has_sections_and_their_variables(editor, local):
    symbols = editor.request("textDocument/documentSymbol", {"textDocument": {"uri": local}})
    assert [s["name"] for s in symbols] == ["_rc", "_answer", "Show", "BtnHello_OnClick", "BEGIN"]
    assert [c["name"] for c in symbols[2]["children"]] == ["_text"]


def test_formatting_changes_the_lines_that_need_it(editor, local):
    text = LOCAL.replace("  CALL Show(_answer)", "call   Show( _answer )")
    editor.replace(local, text)
    (edit,) = editor.request("textDocument/formatting", {"textDocument": {"uri": local}, "options": {"tabSize": 2, "insertSpaces": True}})
    line = place(text, "call   Show")[0]
    start, end = {"line": line, "character": 0}, {"line": line + 1, "character": 0}
    assert edit == {"range": {"start": start, "end": end}, "newText": "  CALL Show(_answer)\n"}


def test_all_safe_fixes_at_once(editor, local):
    text = LOCAL.replace("  CALL Show(_answer)", "  _rc = 3\n  IF _rc == 3\n    CALL Shwo(_answer)\n  ENDIF")
    editor.replace(local, text)
    assert len(editor.diagnostics(local)) > 1
    (action,) = editor.request("textDocument/codeAction", {
        "textDocument": {"uri": local}, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
        "context": {"diagnostics": [], "only": ["source.fixAll"]}})
    new = action["edit"]["changes"][local][0]["newText"]
    assert "_rc := 3\n  IF _rc = 3 THEN\n    CALL Show(_answer)" in new


def test_characters_are_counted_as_the_client_counts_them(editor, local):
    text = LOCAL.replace("  CALL Show(_answer)", '  LOG "\U0001f600", _nix')
    editor.replace(local, text)
    (found,) = editor.diagnostics(local)
    assert (found["range"]["start"]["character"], found["range"]["end"]["character"]) == (12, 16)  # UTF-16: the face counts twice


def test_a_finding_that_belongs_to_both_parts_has_its_second_place(app, editor, local):
    text = LOCAL + ""
    text = text.replace("PROCEDURE Show", "RPC PROCEDURE Greet(IN TEXT _name, TEXT _hello)\n  _hello := _name\nEND Greet\n\nPROCEDURE Show")
    editor.replace(local, text)
    editor.diagnostics(local)
    remote = editor.open(app / "pictures/S.Hello/remote.esl")
    found = editor.diagnostics(remote)
    assert [d["code"] for d in found] == ["ESL2101"]
    assert found[0]["relatedInformation"][0]["location"]["uri"].endswith("local.esl")
    editor.notify("textDocument/didClose", {"textDocument": {"uri": remote}})


def test_an_application_that_cannot_be_read_is_told_and_read_again(app, editor, local):
    editor.diagnostics(local)
    objects = app / "objects.toml"
    text = objects.read_text()
    objects.write_text(text + '["U.Broken"]\ntype = "nonsense"\n')
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": objects.as_uri(), "type": 2}]})
    found = editor.diagnostics(local)
    objects.write_text(text)
    assert any(d["code"] == "ESL2011" for d in found)  # a script alone has no entries
    told = [n["params"]["message"] for n in editor.notices if n.get("method") == "window/showMessage"]
    assert ["nonsense" in message for message in told if "cannot be read" in message] == [True]
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": objects.as_uri(), "type": 2}]})
    assert editor.diagnostics(local) == []


def test_messages_in_slovak(app):
    client = Client(app, HISEE_LANG="sk")
    uri = client.open(app / "pictures/S.Hello/local.esl", LOCAL.replace("CALL Show", "CALL Shwo"))
    (found,) = client.diagnostics(uri)
    assert "nie je procedúra `Shwo`" in found["message"] and "mysleli ste `Show`?" in found["message"]
    assert client.close() == 0
