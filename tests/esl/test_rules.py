"""Every rule of the language has a script, or stands in the list of those without one, which only shrinks."""

from __future__ import annotations

from .rules import proofs, scripts, table, unchecked


def test_scripts_name_rules_that_exist() -> None:
    rules, _ = table()
    unknown = {path.name: [n for n in names if n not in rules] for path, names in (scripts() | proofs()).items()}
    assert not {name: found for name, found in unknown.items() if found}


def test_the_list_of_rules_without_a_script_is_true() -> None:
    assert sorted(unchecked()) == sorted(table()[1]), "a rule that has a script now goes out of `open`; a new one needs a script"
