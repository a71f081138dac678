"""A foreign library for the tests: what it is asked to do to itself, it does."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

SOURCE = r"""
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
typedef enum { LOW = -1, HIGH = 4 } level;
static int calls;
double mix(double a, int b, bool c) { return c ? a + b : a - b; }
const char *greeting(const char *name) { static char text[64]; strcpy(text, "ahoj "); strncat(text, name, 50);
                                    return name[0] ? text : NULL; }
bool is_even(long long n) { return n % 2 == 0; }
int counted(void) { return ++calls; }
uint64_t huge(void) { return UINT64_MAX; }
double special(int how) { return how ? INFINITY : NAN; }
float half(float x) { return x / 2; }
int8_t small(int8_t x) { return x; }
char letter(char c) { return c + 1; }
level next(level now) { return now == HIGH ? LOW : HIGH; }
char *broken(void) { return "a\xffz"; }
void note(void) { calls += 100; }
void shout(void) { puts("out of the library"); fflush(stdout); }
const char *secret(void) { return getenv("HISEE_TEST_SECRET"); }
int crash(int how) { if (how == 1) abort(); if (how == 2) exit(3); return *(volatile int *)0; }
void hang(void) { for (;;) pause(); }
int held(const char *fifo) { char c = 0; int fd = open(fifo, O_RDONLY); int n = fd < 0 ? -1 : (int)read(fd, &c, 1); close(fd); return n; }
int pid(void) { return getpid(); }
void forge(int how) { const char *bytes[] = {"\2\0\0\0\377\377", "\2\0\0\0\0\0", "\377\377\377\377"};
                      for (int fd = 3; fd < 32; fd++) if (write(fd, bytes[how], how < 2 ? 6 : 4) < 0) continue; }
"""
HEADER = """\
#define ANY 1
typedef enum { LOW = -1, HIGH = 4 } level;   /* two of them; */
double mix(double a, int b, _Bool c);
const char *greeting(const char *name);      // NULL for an empty name
bool is_even(long long n);
extern int counted(void);
uint64_t huge(void);
double special(int how);
float half(float x);
int8_t small(int8_t x);
char letter(char c);
level next(level now);
char *broken(void);
void note(void);
void shout(void);
const char *secret(void);
int crash(int how);
void hang(void);
int held(const char *fifo);
int pid(void);
void forge(int how);
int absent(void);
"""


def build(folder: Path) -> Path:
    """Compile the library into a folder."""
    (folder / "x.c").write_text(SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "libx.so", folder / "x.c"], check=True)
    return folder / "libx.so"


def release(fifo: Path) -> None:
    """Let a call of `held` end."""
    with fifo.open("wb") as writer:
        writer.write(b"x")


def wait_until_gone(pid: int, seconds: float = 20.0) -> bool:
    """By a descriptor of the process, which becomes readable at its end."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)
