"""Turning the remote part off: its text survives as comments of the local one, whatever stands in it (R56-R58)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee.model.toggle import comment_out, comment_out_bytes, split

LOCAL = 'BEGIN\n  MESSAGE "hi"\n'
REMOTE = "RPC PROCEDURE Inc(INT _n)\n  _n := _n + 1\nEND Inc\n"


@pytest.mark.req("R56", "R57")
def test_the_remote_text_is_the_local_one_s_comment_without_its_marks():
    text = comment_out(LOCAL, REMOTE)
    added = text.removeprefix(LOCAL).splitlines()
    assert all(line.startswith(";") for line in added)
    assert "\n".join(line.removeprefix("; ") for line in added[1:-1]) + "\n" == REMOTE
    assert "hisee remote part" in added[0] and "hisee remote part" in added[-1]


@pytest.mark.req("R58")
def test_a_text_that_is_there_is_not_added_again():
    once = comment_out(LOCAL, REMOTE)
    assert comment_out(once, REMOTE) == once
    assert comment_out(once, "") == once
    twice = comment_out(once, REMOTE + "; changed\n")
    assert split(twice) == (LOCAL, [REMOTE, REMOTE + "; changed\n"])


@pytest.mark.req("R58")
@pytest.mark.parametrize(
    "remote",
    [
        "x",
        "x\n",
        "\n",
        "\n\n\n",
        "a\r\nb\r\n",
        "a\rb",
        "\x00",
        "\x0b\x0c\x85\u2028",
        "; >>> hisee remote part: 1 lines, sha256 0123456789abcdef >>>\n",
        "; <<< hisee remote part: 0123456789abcdef <<<\n",
        comment_out("", REMOTE),
        comment_out("x", comment_out(LOCAL, "a\rb")),
        "ä€😀",
        "\ufeffBEGIN\n",
        " \t ",
        "x" * 5000,
    ],
)
def test_any_remote_text_comes_back(remote):
    assert split(comment_out(LOCAL, remote)) == (LOCAL, [remote])


@given(st.text(), st.lists(st.text(min_size=1), max_size=4, unique=True))
@pytest.mark.req("R58")
def test_any_texts_come_back(local, remotes):
    base = split(local).local
    text = base
    for remote in remotes:
        text = comment_out(text, remote)
    assert split(text).local == base
    assert sorted(split(text).remotes) == sorted(remotes)


@given(st.binary(min_size=1))
def test_bytes_that_are_no_text_come_back(remote):
    text = comment_out_bytes(b"; l\n", remote).decode("utf-8", "surrogateescape")
    assert [r.encode("utf-8", "surrogateescape") for r in split(text).remotes] == [remote]


@given(st.text())
def test_what_is_added_are_comments_only(remote):
    """Nothing of the remote text can run: every line of the block is a comment for a reader that splits at any line end."""
    added = comment_out("", remote)
    assert all(line.startswith(";") for line in added.splitlines())


def test_an_edited_block_is_a_comment_like_any_other():
    text = comment_out(LOCAL, REMOTE).replace("_n + 1", "_n + 2")
    assert split(text) == (text, [])
