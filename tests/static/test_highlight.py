"""Colours come from the tables: the generated grammar is fresh, and every script of the repository is coloured without a gap."""

from __future__ import annotations

import json

import pytest
from pygments.token import Error, Keyword, Name, Text

from hisee.esl import grammar
from hisee.esl.highlight import EslLexer
from hisee.schema import functions
from support.source import ROOT, sources

SCRIPTS = sources("*.esl", under=("python", "examples"))


def test_the_generated_grammar_is_fresh():
    file = ROOT / "editors/vscode/syntaxes/esl.tmLanguage.json"
    assert file.read_text() == grammar.text(), "run python -m hisee.esl.grammar"


def test_the_words_fall_into_one_group_each():
    groups = [*grammar.TYPES, *grammar.CONTROL, *grammar.ACTIONS, *grammar.CLAUSES]
    assert len(groups) == len(set(groups))
    assert {"DBS_READ", "LOGEX", "DELAY"} <= set(grammar.ACTIONS) and {row.name for row in functions.ROWS} <= set(grammar.FUNCTIONS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.parent.name + "/" + p.name)
def test_a_script_is_coloured_and_nothing_is_lost(path):
    text = path.read_text()
    tokens = list(EslLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    assert not [t for t in tokens if t[0] in (Error, Text)]


def test_kinds_of_words():
    text = "ENTRY Btn_OnClick\n  SET _o AS U.End\n  _a := %Sqrt(x)\\VLD\n  %X.Seed(1)\nEND Btn_OnClick\n"
    found = {value: kind for kind, value in EslLexer().get_tokens(text)}
    assert found["ENTRY"] is Keyword.Declaration and found["Btn_OnClick"] is Name.Function and found["SET"] is Keyword
    assert found["U.End"] is Name and found["%Sqrt"] is found["%X.Seed"] is Name.Builtin and found["VLD"] is Name.Attribute


def test_the_extension_names_files_that_exist():
    folder = ROOT / "editors/vscode"
    package = json.loads((folder / "package.json").read_text())
    contributes = package["contributes"]
    named = [package["main"], contributes["languages"][0]["configuration"], contributes["grammars"][0]["path"]]
    assert all((folder / name).is_file() for name in named)
    assert contributes["configuration"]["properties"]["esl.command"]["default"] == ["hisee", "lsp", "--stdio"]
