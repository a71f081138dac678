"""Functions of the language that need the world outside the VM: one module per section of the table host_functions."""

from hisee.script.functions.calls import Functions as Functions
from hisee.script.functions.site import Rules as Rules
from hisee.script.functions.site import Site as Site
