"""Which build of the VM is under test."""

import os

from hisee._core import vm


def test_the_build_is_the_one_asked_for() -> None:
    assert os.environ.get("HISEE_VM_DISPATCH", "goto") == vm.DISPATCH
    folder = os.environ.get("HISEE_VM_DIR")
    assert folder is None or vm.__file__.startswith(folder)
