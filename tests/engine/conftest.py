"""The contract suite is no test module itself, but its asserts shall explain themselves too."""

import pytest

pytest.register_assert_rewrite("engine.contract", "engine.contract_members", "engine.contract_order", "engine.contract_ends",
                               "engine.contract_waiting")
