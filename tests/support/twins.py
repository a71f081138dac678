"""The same program in ESL and in Python, line by line, in any length: what a compiler of the one costs beside a compiler of the other.

Ordinary lines of the trade: declarations, procedures, comments, arithmetic, texts, decisions, loops, calls. Both programs tell one
number in the end. A line that one language does not need (ENDIF, END_LOOP, the declaration of a global) stands empty there.
"""

from __future__ import annotations

import random

Line = tuple[str, str]  # ESL, Python
PROCEDURE = """\
; Step {n}: {note}                         // # Step {n}: {note}
PROCEDURE Step{n}(IN INT _level, INT _sum) // def step{n}(level, sum_):
  INT _i, _flow                            //     i = flow = 0
  TEXT _name                               //
//
  _name := "step {n}"                      //     name = "step {n}"
  _flow := _level * {a} + {n}              //     flow = level * {a} + {n}
{body}
  _sum := %Mod(_sum + _flow, 1000003)      //     sum_ = (sum_ + flow) % 1000003
END Step{n}                                //     return sum_
//
"""
PIECES = ("""\
  FOR _i = 1 TO {b} DO_LOOP                            //     for i in range(1, {b} + 1):
    _flow := %Mod(_flow * {a} + _i, 9973)              //         flow = (flow * {a} + i) % 9973
    IF _flow > {c} & _i # 3 THEN                       //         if flow > {c} and i != 3:
      _flow := _flow - (_i + {b}) * 2                  //             flow = flow - (i + {b}) * 2
    ELSIF _flow = {b} | _flow < 0 THEN                 //         elif flow == {b} or flow < 0:
      _flow := %Abs(_flow) + %Max(_i, {a})             //             flow = abs(flow) + max(i, {a})
    ELSE                                               //         else:
      _flow := _flow + 1                               //             flow = flow + 1
    ENDIF                                              //
  END_LOOP                                             //
""", """\
  _name := "tank {n}, level " + %IToStr(_level)        //     name = "tank {n}, level " + str(level)
  IF %StrLen(_name) >= {b} THEN                        //     if len(name) >= {b}:
    _flow := _flow + %StrLen(_name)  ; longer, better  //         flow = flow + len(name)  # longer, better
  ENDIF                                                //
""", """\
  _name := %StrReplace(_name + "a, b", ", ", " - ")    //     name = (name + "a, b").replace(", ", " - ")
  _flow := %Min(_flow, {c}) + %StrLen(_name) * {a}     //     flow = min(flow, {c}) + len(name) * {a}
""", """\
  IF (_level + {a}) * 2 < {c} THEN                     //     if (level + {a}) * 2 < {c}:
    _limit := %Max(_limit, _level)                     //         LIMIT[0] = max(LIMIT[0], level)
    _flow := _flow + _limit * {b} - 7                  //         flow = flow + LIMIT[0] * {b} - 7
  ENDIF                                                //
""", """\
//
  ; the step before it has the rest                    //     # the step before it has the rest
  CALL Step{before}(_flow - {a}, _sum)                 //     sum_ = step{before}(flow - {a}, sum_)
""")
NOTES = ("what the pump takes", "levels of the day tank", "the valve's share", "flow over the weir", "minutes until full")


def twin(lines: int) -> Line:
    """A program of about so many lines in ESL and in Python; the global `_sum`, and `SUM[0]`, is its answer."""
    rng = random.Random(lines)
    rows: list[Line] = [("INT _sum, _limit", "SUM, LIMIT = [None], [None]"), ("", "")]
    n = 0
    while len(rows) + n < lines - 6:  # each procedure has its call in the end
        n += 1
        rows += _procedure(n, rng)
    rows += [("BEGIN", ""), ("  _sum := 0", "SUM[0] = 0"), ("  _limit := 0", "LIMIT[0] = 0")]
    rows += [(f"  CALL Step{i}({i % 90}, _sum)", f"SUM[0] = step{i}({i % 90}, SUM[0])") for i in range(1, n + 1)]
    rows += [('  LOG "sum", _sum', ""), ("END", "")]
    return "".join(esl + "\n" for esl, _ in rows), "".join(python + "\n" for _, python in rows)


def _procedure(n: int, rng: random.Random) -> list[Line]:
    """Between two and four pieces; each third step calls the one before it, so chains stay short."""
    pieces = rng.sample(PIECES[:4], rng.randint(2, 4)) + ([PIECES[4]] if n % 3 == 0 else [])
    a, b, c = rng.randint(2, 9), rng.randint(4, 20), rng.randint(90, 900)
    text = PROCEDURE.replace("{body}\n", "".join(pieces)).format(n=n, before=n - 1, note=rng.choice(NOTES), a=a, b=b, c=c)
    halves = (row.split("//") for row in text.splitlines())
    return [(esl.rstrip(), python.removeprefix(" ")) for esl, python in halves]
