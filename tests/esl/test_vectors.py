"""Every line of the list of test vectors is there, and gives what it must."""

from __future__ import annotations

from . import cases, outside, vectors

LISTED = 54  # lines of the description; two of them are two lines here


def test_every_line_of_the_list_is_there() -> None:
    assert len(vectors.lines()) == LISTED + 2 and len(vectors.waiting()) == 2


def test_vectors() -> None:
    found = vectors.read()
    host = cases.start(found, world=outside.LocalWorld())
    values = [cases.run(host, index, vector.type) for index, vector in enumerate(found)]
    wrong = [f"{v.place} {v.body()} -> {cases.written(value)}, not {v.expected}"
             for v, value in zip(found, values, strict=True) if not v.holds(value)]
    assert wrong == []
