"""Every rule of the language has a script or a test, or stands in the list of those without one, which only shrinks."""

from __future__ import annotations

from .rules import checks, scripts, table, unchecked


def test_scripts_name_rules_that_exist() -> None:
    rules, _ = table()
    unknown = {path.name: [n for n in names if n not in rules] for path, names in checks().items()}
    assert not {name: found for name, found in unknown.items() if found}


def test_the_list_of_rules_without_a_script_is_true() -> None:
    assert sorted(unchecked()) == sorted(table()[1]), "a rule that has a script now goes out of `open`; a new one needs a script"


def test_every_script_that_runs_names_a_rule() -> None:
    assert not [path.name for path, names in scripts().items() if not names]
