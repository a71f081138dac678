"""Optional accelerators. Take the names from here: compiled where built, else (or with HISEE_PURE=1) plain."""

import os

if os.environ.get("HISEE_PURE") == "1":
    IS_COMPILED = False
else:
    try:
        from hisee._ext.clock import monotonic_ns, set_parent_death_signal, set_thread_name, thread_cpu_ns
        from hisee._ext.hist import Histogram

        IS_COMPILED = True
    except ImportError:
        IS_COMPILED = False
if not IS_COMPILED:
    from hisee._ext.pure_clock import monotonic_ns, set_parent_death_signal, set_thread_name, thread_cpu_ns
    from hisee._ext.pure_hist import Histogram  # type: ignore[assignment]

__all__ = ["IS_COMPILED", "Histogram", "monotonic_ns", "set_parent_death_signal", "set_thread_name", "thread_cpu_ns"]
