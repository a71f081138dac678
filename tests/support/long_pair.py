"""An application whose one picture has long scripts, for whoever measures an editor or a compiler."""

from __future__ import annotations

from pathlib import Path

LINES = 2500
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text id="Lbl" x="1" y="1">a</text></svg>'
PROCEDURE = """\
PROCEDURE {side}{n}(IN INT _a, REAL _b)
  INT _i
  TEXT _s
  _b := 0
  FOR _i = 1 TO _a DO_LOOP
    IF _i > {n} & _n # 3 THEN
      _b := _b + %Sqrt(_i) * 2.5
    ELSE
      _s := _s + %IToStr(_i)
    ENDIF
  END_LOOP
  _sum := _sum + %Mod(_i, 7)
END {side}{n}

"""


def long_part(side: str, lines: int = LINES) -> str:
    """A part of about so many lines: many procedures of ordinary length."""
    count = lines // PROCEDURE.count("\n")
    return "INT _n, _sum\nTEXT _t\n\n" + "".join(PROCEDURE.format(side=side, n=n) for n in range(count)) + "BEGIN\n  _n := 1\nEND\n"


def write_application(folder: Path, objects: int = 1000) -> Path:
    """The application, with many objects to choose from; the folder of its picture."""
    picture = folder / "pictures/S.Long"
    picture.mkdir(parents=True)
    (folder / "app.toml").write_text('name = "LONG"\n\n[nodes.SRV1]\nprocesses = [{ kind = "server" }]\n')
    tables = (f'["U.Value{n}"]\ntype = "user_variable"\nvalue_type = "REAL"\n\n' for n in range(objects))
    (folder / "objects.toml").write_text("".join(tables))
    (picture / "picture.toml").write_text('title = "long"\nserver_script = true\n\n[objects.Lbl]\nkind = "text"\n')
    (picture / "picture.svg").write_text(SVG)
    (picture / "local.esl").write_text(long_part("L"))
    (picture / "remote.esl").write_text(long_part("R"))
    return picture
