"""The formatter changes nothing that the compiler sees, and its own output not at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisee.esl.format import format_text, stream
from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import tokenize
from support.source import ROOT, sources

SCRIPTS = sources("*.esl", under=("python", "tests", "examples"))


READABLE = [p for p in SCRIPTS if not tokenize(p.read_text()).faults]


def seen(text: str) -> list:
    return stream(tokenize(text).lists(), text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_script_of_the_repository_keeps_its_tokens(path):
    text = path.read_text()
    once = format_text(text)
    assert seen(once) == seen(text)
    assert format_text(once) == once


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(READABLE), st.integers(0, 2**32))
def test_the_spacing_between_tokens_does_not_matter(path, seed):
    """Other blanks, tabs and blank lines, the same tokens: the same layout, but for blank lines."""
    text = format_text(path.read_text())
    shaken = shake(text, random.Random(seed))
    assert seen(shaken) == seen(text)
    again = format_text(shaken)
    assert seen(again) == seen(text) and format_text(again) == again
    assert [row for row in again.split("\n") if row] == [row for row in text.split("\n") if row]


def shake(text: str, rng: random.Random) -> str:
    """The text with random blanks wherever blanks are, and line ends of both kinds."""
    out = []
    for row in text.split("\n"):
        tokens = tokenize(row).lists()
        last, line = 0, ""
        for i in range(len(tokens.kind)):
            if tokens.kind[i] in (K.T_EOL, K.T_EOF):
                continue
            gap = row[last:tokens.start[i]]
            line += (rng.choice([" ", "  ", "\t", " \t "]) if gap else "") + row[tokens.start[i]:tokens.end[i]]
            last = tokens.end[i]
        comment = row[last:].strip()
        out.append(line + (rng.choice([" ", "   ", "\t"]) + comment if comment else rng.choice(["", " "])))
    return "".join(row + rng.choice(["\n", "\r\n"]) for row in out)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.sampled_from(list("_aIFTHENDL \t\n;:=<>!#()[]^\\,'\"%@1.5-é\r")), max_size=200))
def test_any_text_keeps_its_tokens(text):
    once = format_text(text)
    assert format_text(once) == once
    assert without_line_ends(once) == without_line_ends(text)


def without_line_ends(text: str) -> list:
    """A carriage return alone becomes a line end: that is no fault any more."""
    return [row for row in seen(text) if row[0] != K.T_EOL and not (row[0] == -1 and row[1][0] == "ESL0003")]


@pytest.mark.parametrize(("given_text", "wanted"), [
    ("begin\nif _a=1 then\n_b:=-_a*(2+%itostr( 3 ))\nendif\nend\n",
     "BEGIN\n  IF _a = 1 THEN\n    _b := -_a * (2 + %IToStr(3))\n  ENDIF\nEND\n"),
    ("procedure P(in int _a)\ncall [] Q ( _a ) sync\nend P\n", "PROCEDURE P(IN INT _a)\n  CALL [] Q(_a) SYNC\nEND P\n"),
    ("INT _a\nPROCEDURE P\nEND P\nBEGIN\nDELAY 5[ms]\nEND", "INT _a\n\nPROCEDURE P\nEND P\n\nBEGIN\n  DELAY 5 [ms]\nEND\n"),
    ("BEGIN\n_t[ 1 ] ^Level:=u.level\\vld ; why\n_a:=1;b\n\n\n\nLab: log \"x\"\nEND\n",
     "BEGIN\n  _t[1]^Level := u.level\\VLD  ; why\n  _a := 1                     ; b\n\nLab: LOG \"x\"\nEND\n".replace("; b", ";b")),
    ("record noalias (SD.Tank) _r\nBEGIN\nset _o as none\nif (_a|_b)&!_c goto Lab\nLab:\nEND\n",
     "RECORD NOALIAS (SD.Tank) _r\n\nBEGIN\n  SET _o AS NONE\n  IF (_a | _b) & !_c GOTO Lab\nLab:\nEND\n"),
    ("implementation I.A\nunit(E.Avg) _u\npublic int _n\nrpc procedure [_h,tc_b] P(in text _t)\nif _a then\nendif\n"
     "exception_handler\nreraise\nend P\nBEGIN\n_rc:=call [E.C]^I.A [_h,tc_b] P(1) async on all prty 2\nevent E.C(_n=1) async prty 3\n"
     "_ok:=getaccess \"x\" public _who\nEND",
     "IMPLEMENTATION I.A\nUNIT (E.Avg) _u\nPUBLIC INT _n\n\nRPC PROCEDURE [_h, TC_B] P(IN TEXT _t)\n  IF _a THEN\n  ENDIF\n"
     "EXCEPTION_HANDLER\n  RERAISE\nEND P\n\nBEGIN\n  _rc := CALL [E.C]^I.A [_h, TC_B] P(1) ASYNC ON ALL PRTY 2\n"
     "  EVENT E.C (_n = 1) ASYNC PRTY 3\n"
     "  _ok := GETACCESS \"x\" PUBLIC _who\nEND\n"),
])
def test_the_one_layout(given_text, wanted):
    assert format_text(given_text) == wanted


def test_what_we_give_away_is_formatted():
    given_away = [p for p in SCRIPTS if "tests" not in p.relative_to(ROOT).parts]
    assert given_away and not [p.name for p in given_away if format_text(p.read_text()) != p.read_text()]
