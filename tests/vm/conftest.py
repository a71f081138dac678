"""The suite runs on any build of the VM: HISEE_VM_DIR names a folder with another one (the switch twin, a sanitizer build)."""

import os

import hisee._core

if os.environ.get("HISEE_VM_DIR"):
    hisee._core.__path__.insert(0, os.environ["HISEE_VM_DIR"])
