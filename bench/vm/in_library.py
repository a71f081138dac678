"""Kernels of bench/vm in an interpreter that is a Python library: arguments quickjs|wasmtime|wasmtime-fuel FILE NAME N."""

import sys
import time
from pathlib import Path


def with_quickjs(file, name, n):
    import quickjs

    context = quickjs.Context()
    context.eval(Path(file).read_text())
    begin = time.process_time()
    check = float(context.eval(f"K.{name}({n})"))
    return time.process_time() - begin, check


def with_wasmtime(file, name, n, fuel=False):
    import wasmtime

    config = wasmtime.Config()
    config.consume_fuel = fuel
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    if fuel:
        store.set_fuel(2**62)
    instance = wasmtime.Instance(store, wasmtime.Module(engine, Path(file).read_bytes()), [])
    kernel = instance.exports(store)[name]
    begin = time.process_time()
    check = kernel(store, n)
    return time.process_time() - begin, check


RUNTIMES = {"quickjs": with_quickjs, "wasmtime": with_wasmtime, "wasmtime-fuel": lambda *given: with_wasmtime(*given, fuel=True)}

if __name__ == "__main__":
    runtime, file, name, n = sys.argv[1:]
    print("{:.9f} {:.10g}".format(*RUNTIMES[runtime](file, name, int(n))))
