"""Fuzzing: bytes nobody would write, made from stored ones, against everything that reads bytes of others.

`./hisee fuzz [TARGET] [--seconds N] [--json]`; targets.py names them, engine.py makes and keeps inputs, corpus/TARGET holds those
that every run begins with. A crash or a hang is written to corpus/TARGET/found-*, so that it stays a test once it is mended.
"""
