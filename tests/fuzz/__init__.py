"""Fuzzing: bytes nobody would write, made from stored ones, against everything that reads bytes of others.

`./hisee fuzz [TARGET] [--seconds N | --count N] [--json]`; targets.py names those that run through Python, engine.py makes their inputs;
alone.py builds and runs driver.c, which needs no Python. corpus/TARGET holds inputs that every run begins with, seeds.py makes
others. A crash or a hang is written to corpus/TARGET/found-*, so that it stays a test once it is mended.
"""
