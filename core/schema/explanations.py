"""Explanations of the compiler's diagnostics: what `hisee explain CODE` prints, with a wrong and a right example.

The examples are compiled by tests/esl/test_explanations.py: the wrong one gives exactly its code, the right one nothing.
A line `; remote part` cuts an example of two parts. `«N×text»` stands for N times `text`, with the count in
place of `#`: for what is too long to print.
"""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Explanation:
    """kind: the object the example belongs to (script, picture, event, unit, interface); part: 1 local, 2 remote, of an example with one text."""

    number: int
    name: str
    text: str
    wrong: str
    right: str
    kind: str = "script"
    part: int = 1


def e(number: int, text: str, wrong: str, right: str, kind: str = "script", part: int = 1) -> Explanation:
    return Explanation(number, f"ESL{number:04d}", text, wrong.lstrip("\n"), right.lstrip("\n"), kind, part)


def body(*lines: str, declare: str = "") -> str:
    """An init part around these lines."""
    return declare + ("\n" if declare else "") + "BEGIN\n" + "".join(f"  {line}\n" for line in lines) + "END\n"


ROWS = [
    # characters
    e(1, "A sign that the language does not know, often pasted from a text program: a curly quote, a dollar sign, a semicolon of "
         "another width. Inside texts and comments every character may stand.",
      body("_a := 1 $", declare="INT _a"), body("_a := 1  ; $ is fine in a comment", declare="INT _a")),
    e(2, "A text began with a quote and its line ended before the second one. A text never goes on in the next line; join two of them "
         "with `+` and %NewLine.",
      body('LOG "start'), body('LOG "start"')),
    e(3, "The file has line ends of a very old computer: a carriage return alone. Editors then show one long line, and line numbers of "
         "messages would be wrong.",
      "BEGIN\r  LOG \"a\"\nEND\n", "BEGIN\n  LOG \"a\"\nEND\n"),
    e(4, "A number ends where its digits end. `12ab` could be a misspelt number or a name that lost its first letter; a hexadecimal "
         "number is written with %HexToI.",
      body("_a := 12ab", declare="INT _a"), body("_a := 12", declare="INT _a")),
    e(5, "One part of an object is compiled as a whole at every save, so its length has a limit (limit `source_bytes`).",
      "«4200000×;»\nBEGIN\nEND\n", "; short\nBEGIN\nEND\n"),
    e(6, "Names travel between processes and stand in logs and lists, so they have a limit (limit `name_chars`).",
      "INT _«70×x»\nBEGIN\nEND\n", "INT _x\nBEGIN\nEND\n"),
    e(7, "An INT has 64 bits, sixteen of its codes mean an invalid value; a REAL ends at about 1.8E308. A number outside would silently "
         "be another one.",
      body("_a := 99999999999999999999", declare="INT _a"), body("_a := 99999999999999999999.0", declare="REAL _a")),
    e(8, "The text holds half of a character that takes two codes. No file can hold it; it comes from a program that cut a text in two.",
      body('LOG "\ud83d"'), body('LOG "x"')),
    # syntax
    e(1001, "The line began well and went on with something that cannot stand there. The message names what the grammar wanted and what "
            "it found; the mark shows the first thing that does not fit, so the mistake is there or directly before it.",
      body("_a := (1 + 2", declare="INT _a"), body("_a := (1 + 2)", declare="INT _a")),
    e(1002, "Every line is an action, a declaration, a label or an assignment. This one begins with a word that is none of them, usually "
            "a misspelt action.",
      body('LGO "start"'), body('LOG "start"')),
    e(1003, "The construct belongs to the language, but this version cannot compile it. It is named here, so that nobody looks for a "
            "mistake in a right line.",
      body("KVIT U.Count"), body("U.Count := 0")),
    e(1004, "ELSE, ELSIF, ENDIF and END_LOOP belong to the IF or the loop above them. Here nothing is open: there is one too many, or its "
            "opener is missing.",
      body('LOG "a"', "ENDIF"), body("IF @TRUE THEN", '  LOG "a"', "ENDIF")),
    e(1005, "The IF or the loop is closed by nothing before its procedure ends. The first place shown is the opener, the second one where "
            "its end was missed at the latest; the indentation often shows where it belongs.",
      "PROCEDURE P\n  IF @TRUE THEN\n    LOG \"a\"\nEND P\nBEGIN\nEND\n",
      "PROCEDURE P\n  IF @TRUE THEN\n    LOG \"a\"\n  ENDIF\nEND P\nBEGIN\nEND\n"),
    e(1006, "A procedure or entry ends with END and its own name, not with the beginning of the next one.",
      "PROCEDURE P\n  LOG \"a\"\nPROCEDURE Q\nEND Q\nBEGIN\nEND\n", "PROCEDURE P\n  LOG \"a\"\nEND P\nPROCEDURE Q\nEND Q\nBEGIN\nEND\n"),
    e(1007, "`ELSE IF` is an ELSE and, inside it, a new IF with an ENDIF of its own. Nearly always a further branch was meant: ELSIF.",
      body("IF _a = 1 THEN", "ELSE IF _a = 2 THEN", "ENDIF", declare="INT _a"),
      body("IF _a = 1 THEN", "ELSIF _a = 2 THEN", "ENDIF", declare="INT _a")),
    e(1008, "Brackets, signs and blocks may be nested up to the limit `expression_nesting`: deeper text is made by a program that went "
            "wrong, and would take memory without end.",
      body("_a := «250×(»1«250×)»", declare="INT _a"), body("_a := ((1))", declare="INT _a")),
    e(1009, "The init part is the last one of a script: declarations, then procedures and entries, then BEGIN and what runs at the start.",
      "BEGIN\n  LOG \"a\"\nPROCEDURE P\nEND P\n", "PROCEDURE P\nEND P\nBEGIN\n  LOG \"a\"\nEND\n"),
    e(1010, "The name is a word of the language, or a variable that every script has already, such as `_ERR_NR`.",
      "INT _ERR_NR\nBEGIN\nEND\n", "INT _errors\nBEGIN\nEND\n"),
    e(1011, "`1 < _a < 3` compares a truth value with 3. Say both comparisons and join them.",
      body("_b := 1 < _a < 3", declare="INT _a\nBOOL _b"), body("_b := 1 < _a & _a < 3", declare="INT _a\nBOOL _b")),
    e(1012, "After a hundred errors the rest is not shown: they would mostly follow from the first ones. Put the first right and compile again.",
      "BEGIN\n«120×  _a := 1 +\n»END\n", "BEGIN\nEND\n"),
    e(1013, "END alone is an action: it ends the run. At the end of a procedure it is read as the procedure's end, but write the name, so "
            "that both meanings can be told apart.",
      "PROCEDURE P\n  LOG \"a\"\nEND\nBEGIN\nEND\n", "PROCEDURE P\n  LOG \"a\"\nEND P\nBEGIN\nEND\n"),
    # names and halves
    e(2001, "A variable is used that no declaration names: a misspelling, or the declaration is missing. It is told once per procedure.",
      body("_cuont := 1", declare="INT _count"), body("_count := 1", declare="INT _count")),
    e(2002, "Two things of one script have the same name. Small and capital letters make no difference; procedures, entries and labels "
            "share one space of names. The second place shown is the first declaration.",
      "INT _a\nREAL _A\nBEGIN\nEND\n", "INT _a\nREAL _b\nBEGIN\nEND\n"),
    e(2003, "The name behind END is not the name of the procedure that is open: one of the two is misspelt, or an END is missing above.",
      "PROCEDURE Load\nEND Lod\nBEGIN\nEND\n", "PROCEDURE Load\nEND Load\nBEGIN\nEND\n"),
    e(2004, "GOTO and ON ERROR jump to a label of their own procedure, entry or init part only.",
      body("GOTO Done", "Donne:"), body("GOTO Done", "Done:")),
    e(2005, "A jump may leave a loop or an IF, but not enter one: its condition would not have been looked at.",
      body("GOTO In", "IF @TRUE THEN", "In:", "ENDIF"), body("GOTO In", "In:", "IF @TRUE THEN", "ENDIF")),
    e(2006, "CALL without brackets calls a procedure of the same part. For the other half write `CALL [] Name`.",
      "PROCEDURE Load\nEND Load\nBEGIN\n  CALL Laod\nEND\n", "PROCEDURE Load\nEND Load\nBEGIN\n  CALL Load\nEND\n"),
    e(2007, "A function or procedure was given too few or too many arguments.",
      body("_a := %Sqrt(4, 2)", declare="REAL _a"), body("_a := %Sqrt(4)", declare="REAL _a")),
    e(2008, "An entry is named after what it handles: an event of the picture (OnClose), or a graphical object and its event "
            "(BtnGo_OnClick).",
      "ENTRY BtnGo_OnClik\nEND BtnGo_OnClik\nBEGIN\nEND\n", "ENTRY BtnGo_OnClick\nEND BtnGo_OnClick\nBEGIN\nEND\n", "picture"),
    e(2009, "The picture hands the parameters over, so their number, types and modes are fixed. A handler may leave trailing ones out.",
      "ENTRY OnKeyPress(IN TEXT _k)\nEND OnKeyPress\nBEGIN\nEND\n", "ENTRY OnKeyPress(IN INT _vk)\nEND OnKeyPress\nBEGIN\nEND\n", "picture"),
    e(2010, "ENTRYX lets a newer request replace a waiting one. For an event that somebody waits for, or that must not be lost, this is "
            "not possible.",
      "ENTRYX OnClose(BOOL _close)\nEND OnClose\nBEGIN\nEND\n", "ENTRY OnClose(BOOL _close)\nEND OnClose\nBEGIN\nEND\n", "picture"),
    e(2011, "The construct needs an object of another kind: entries belong to pictures and client-and-server events, CALL [] to objects "
            "with two parts.",
      "ENTRY OnClick\nEND OnClick\nBEGIN\nEND\n", "PROCEDURE Click\nEND Click\nBEGIN\nEND\n"),
    e(2012, "Each half of a split object has variables of its own; the halves run on different computers. Share a value through a picture "
            "variable or as an argument of CALL [].",
      "BEGIN\n  _n := 1\nEND\n; remote part\nINT _n\nBEGIN\nEND\n", "BEGIN\n  _selected := 1\nEND\n; remote part\nINT _n\nBEGIN\nEND\n", "picture"),
    e(2013, "The entry names a graphical object that this picture does not have.",
      "ENTRY BtnGoo_OnClick\nEND BtnGoo_OnClick\nBEGIN\nEND\n", "ENTRY BtnGo_OnClick\nEND BtnGo_OnClick\nBEGIN\nEND\n", "picture"),
    e(2014, "No function has this name. All of them begin with %; the list stands in the reference of functions.",
      body("_a := %Sqrtt(4)", declare="REAL _a"), body("_a := %Sqrt(4)", declare="REAL _a")),
    e(2016, "Words with @ are constants of the language: @TRUE, @FALSE and a few more.",
      body("_a := @TRU", declare="BOOL _a"), body("_a := @TRUE", declare="BOOL _a")),
    e(2017, "Behind a backslash stands what is known of a value: \\VLD is it valid, \\TIM its time, \\WEA is it suspicious, \\DIM rows, "
            "\\HBJ number of an object, \\LIM where it stands against its limits, \\ALF \\ALQ \\ALV \\ALT its alarm, \\NAK \\TRA \\DEF what a command "
            "and a table left open.",
      body("_b := _a\\VLDD", declare="INT _a\nBOOL _b"), body("_b := _a\\VLD", declare="INT _a\nBOOL _b")),
    e(2018, "EXIT_LOOP leaves the innermost loop; here is none around it.",
      body("EXIT_LOOP"), body("DO_LOOP", "  EXIT_LOOP", "END_LOOP")),
    e(2019, "An entry is started by its event only. What both an event and a CALL need belongs into a procedure that the entry calls.",
      "ENTRY OnTimer\nEND OnTimer\nPROCEDURE P\n  CALL OnTimer\nEND P\nBEGIN\nEND\n",
      "PROCEDURE Tick\nEND Tick\nENTRY OnTimer\n  CALL Tick\nEND OnTimer\nBEGIN\n  CALL Tick\nEND\n", "picture"),
    e(2020, "The event reports that the remote part was replaced: a remote part that is new cannot be told so.",
      "ENTRY OnRemoteRestart\nEND OnRemoteRestart\nBEGIN\nEND\n", "BEGIN\nEND\n", "picture", 2),
    e(2021, "EXCEPTION_HANDLER ends a stretch of the section and protects all of it. Inside a loop or IF it could not be said where that "
            "stretch begins. What one turn of a loop must survive is put into a procedure of its own.",
      'BEGIN\n  IF @TRUE THEN\n    LOG "a"\n    EXCEPTION_HANDLER\n  ENDIF\nEND\n',
      'BEGIN\n  IF @TRUE THEN\n    LOG "a"\n  ENDIF\nEXCEPTION_HANDLER\n  LOG "failed"\nEND\n'),
    e(2022, "After ON ERROR an error goes to a label, with EXCEPTION_HANDLER behind the next marker. One section can have only one of the "
            "two ways; a procedure that it calls may have the other one.",
      'BEGIN\n  ON ERROR OFF\n  LOG "a"\nEXCEPTION_HANDLER\n  LOG "failed"\nEND\n',
      'BEGIN\n  LOG "a"\nEXCEPTION_HANDLER\n  LOG "failed"\nEND\n'),
    e(2023, "Behind EXCEPTION_HANDLER nobody remembers the action that failed, so it can be neither repeated nor skipped. The handler may "
            "raise the error again with RERAISE, or let the section end.",
      'BEGIN\n  LOG "a"\nEXCEPTION_HANDLER\n  RETRY\nEND\n', 'BEGIN\n  LOG "a"\nEXCEPTION_HANDLER\n  RERAISE\nEND\n'),
    e(2024, "A unit offers what its text marks with PUBLIC PROCEDURE. Its other procedures and its variables are its own.",
      "UNIT (E.Avg) _u\nREAL _m\nBEGIN\n  CALL [_u] Maen(_m)\nEND\n", "UNIT (E.Avg) _u\nREAL _m\nBEGIN\n  CALL [_u] Mean(_m)\nEND\n"),
    e(2025, "UNIT takes an event of the type `unit`, IMPLEMENTATION and `^` take an interface. The object has that name, but it is of another "
            "kind.",
      "UNIT (E.Counter) _u\nBEGIN\nEND\n", "UNIT (E.Avg) _u\nBEGIN\nEND\n"),
    e(2026, "Every unit variable is a copy of the unit's text. A unit that holds itself, also by way of another unit, would have no end.",
      "UNIT (E.Filter) _inner\nPUBLIC PROCEDURE P\nEND P\n", "UNIT (E.Avg) _inner\nPUBLIC PROCEDURE P\nEND P\n", "unit"),
    e(2027, "The unit or interface that this script uses does not compile itself. The message names its first error; correct that one and "
            "save the other object first.",
      "UNIT (E.Bad) _u\nBEGIN\nEND\n", "UNIT (E.Avg) _u\nBEGIN\nEND\n"),
    e(2028, "IMPLEMENTATION promises all procedures of the interface to callers of other scripts. They must stand in this text, as RPC or "
            "RPCX.",
      "IMPLEMENTATION I.Notify\nRPC PROCEDURE Notify(IN TEXT _text, INT _n)\nEND Notify\nBEGIN\nEND\n",
      "IMPLEMENTATION I.Notify\nRPC PROCEDURE Notify(IN TEXT _text, INT _n)\nEND Notify\nRPCX PROCEDURE Ping\nEND Ping\nBEGIN\nEND\n", "event"),
    e(2029, "A caller through the interface knows the number, types, order and IN marks of the parameters from the interface only, so the "
            "procedure must have the same ones. Names of parameters are free.",
      "IMPLEMENTATION I.Notify\nRPC PROCEDURE Notify(IN INT _text, INT _n)\nEND Notify\nRPCX PROCEDURE Ping\nEND Ping\nBEGIN\nEND\n",
      "IMPLEMENTATION I.Notify\nRPC PROCEDURE Notify(IN TEXT _text, INT _n)\nEND Notify\nRPCX PROCEDURE Ping\nEND Ping\nBEGIN\nEND\n", "event"),
    e(2030, "An interface says what can be called, not how it is done: RPC PROCEDURE, name, parameters, and END with the name. Variables and "
            "actions belong to the script that implements it.",
      "RPC PROCEDURE P(IN INT _x)\n  LOG _x\nEND P\n", "RPC PROCEDURE P(IN INT _x)\nEND P\n", "interface"),
    e(2031, "What a script promises is its first line, so that a reader and the tools see it before everything else.",
      "INT _a\nIMPLEMENTATION I.Empty\nBEGIN\nEND\n", "IMPLEMENTATION I.Empty\nINT _a\nBEGIN\nEND\n", "event"),
    e(2032, "A call through an interface can name the procedures of that interface only. It is checked when the script is saved.",
      body("CALL [E.Counter]^I.Notify Pong ASYNC"), body("CALL [E.Counter]^I.Notify Ping ASYNC"), "event"),
    e(2040, "Who starts the script gives its PUBLIC variables their values before anything runs; a variable of a procedure does not exist yet.",
      "PROCEDURE P\n  PUBLIC INT _n\nEND P\nBEGIN\nEND\n", "PUBLIC INT _n\nPROCEDURE P\nEND P\nBEGIN\nEND\n", "event"),
    e(2041, "A PUBLIC variable is set by the caller and read when the script is over. A constant cannot be set, and an alias means nothing "
            "in another process.",
      "PUBLIC INT _n = 5\nBEGIN\nEND\n", "PUBLIC INT _n\nBEGIN\nEND\n", "event"),
    e(2042, "One EVENT carries few values, so that its start stays cheap. More of them travel in one structure.",
      body("EVENT E.Counter (_a=1, _b=1, _c=1, _d=1, _e=1, _f=1, _g=1, _h=1, _i=1, _j=1, _k=1)"),
      body("EVENT E.Counter (_a = 1, _b = 1)"), "event"),
    e(2043, "The list of EVENT names each PUBLIC variable of the event once.",
      body("EVENT E.Counter (_n = 1, _n = 2)"), body("EVENT E.Counter (_n = 1, _m = 2)"), "event"),
    e(2044, "A call that goes to everybody has no one answer, so nobody can wait for it.",
      body("CALL [E.Counter] Add(1) ON ALL"), body("CALL [E.Counter] Add(1) ASYNC ON ALL"), "event"),
    e(2045, "An event of a server is opened in a process: in this one (DIRECT) or in one that is named.",
      body("OPENEVENT E.Counter"), body("OPENEVENT E.Counter DIRECT"), "event"),
    e(2101, "RPC procedures of both halves form one interface: with two of one name, CALL [] could not choose. Keep one, and call it "
            "from the other half.",
      "RPC PROCEDURE Load\nEND Load\nBEGIN\nEND\n; remote part\nRPC PROCEDURE Load\nEND Load\nBEGIN\nEND\n",
      "BEGIN\n  CALL [] Load\nEND\n; remote part\nRPC PROCEDURE Load\nEND Load\nBEGIN\nEND\n", "picture"),
    e(2102, "Whoever asks a synchronous event (one whose parameters hand a value back) waits for one answer. Two handlers would give two.",
      "ENTRY OnClose(BOOL _c)\nEND OnClose\nBEGIN\nEND\n; remote part\nENTRY OnClose(BOOL _c)\nEND OnClose\nBEGIN\nEND\n",
      "ENTRY OnClose(BOOL _c)\nEND OnClose\nBEGIN\nEND\n; remote part\nBEGIN\nEND\n", "picture"),
    # types
    e(3001, "The operator cannot join values of these two types. Texts are joined with texts only: turn a number into one with %IToStr "
            "or %ToStr.",
      body('_t := "n=" + 1', declare="TEXT _t"), body('_t := "n=" + %IToStr(1)', declare="TEXT _t")),
    e(3002, "A value of another type is needed here, and no conversion leads to it.",
      body("_b := !5", declare="BOOL _b"), body("_b := !@TRUE", declare="BOOL _b")),
    e(3003, "A variable declared with a value is a constant and keeps it. To change it, declare it without and assign it after BEGIN.",
      body("_max := 11", declare="INT _max = 10"), body("_max := 10", "_max := 11", declare="INT _max")),
    e(3004, "The name stands for something only the system writes: an error number, a constant, an object without write access.",
      body("_ERR_NR := 1"), body("_n := _ERR_NR", declare="INT _n")),
    e(3005, "`:=` writes one value. Rows and whole structures are copied with SET .. WITH.",
      body("_a := _b", declare="RECORD NOALIAS (SD.Tank) _a, _b"), body("SET _a WITH _b", declare="RECORD NOALIAS (SD.Tank) _a, _b")),
    e(3006, "A row goes into a row, a whole structure into a whole one.",
      body("SET _a WITH _b[1]", declare="RECORD NOALIAS (SD.Tank) _a, _b"),
      body("SET _a[1] WITH _b[1]", declare="RECORD NOALIAS (SD.Tank) _a, _b")),
    e(3007, "Both structures have the same definition, or they cannot be copied as a whole: columns of equal names could mean other things.",
      body("SET _a WITH _m", declare="RECORD NOALIAS (SD.Tank) _a\nRECORD NOALIAS (SD.Meter) _m"),
      body("SET _a WITH _b", declare="RECORD NOALIAS (SD.Tank) _a, _b")),
    e(3008, "A parameter without IN hands its value back to the caller, so the argument must be a variable that can take it.",
      "PROCEDURE Out(INT _x)\n  LOG \"x\", _x\nEND Out\nBEGIN\n  CALL Out(5)\nEND\n",
      "PROCEDURE Out(IN INT _x)\n  LOG \"x\", _x\nEND Out\nBEGIN\n  CALL Out(5)\nEND\n"),
    e(3009, "FOR counts with an INT of its own script.",
      body("FOR _x = 1 TO 3 DO_LOOP", "END_LOOP", declare="REAL _x"), body("FOR _x = 1 TO 3 DO_LOOP", "END_LOOP", declare="INT _x")),
    e(3010, "An object is needed here, or an alias of one; a variable of the script is none.",
      body("SET _o AS _i", declare="ALIAS _o\nINT _i"), body("SET _o AS U.Level", declare="ALIAS _o")),
    e(3011, "The function does something and gives nothing back: it stands on a line of its own.",
      body("_a := %RndSeed(1)", declare="INT _a"), body("%RndSeed(1)")),
    e(3012, "The application has no object of this name. Without an application (`--app`) a script knows no objects at all.",
      body("U.Cuont := 1"), body("U.Count := 1")),
    e(3013, "The structure definition has no column of this name.",
      body("_t[1]^Levle := 1", declare="RECORD NOALIAS (SD.Tank) _t"), body("_t[1]^Level := 1", declare="RECORD NOALIAS (SD.Tank) _t")),
    e(3014, "The application has no structure definition of this name.",
      "RECORD NOALIAS (SD.Tnak) _t\nBEGIN\nEND\n", "RECORD NOALIAS (SD.Tank) _t\nBEGIN\nEND\n"),
    e(3015, "An initial value is computed before anything runs: literals, functions of them and constants declared above are possible.",
      "INT _a\nINT _b = _a\nBEGIN\nEND\n", "INT _a = 1\nINT _b = _a\nBEGIN\nEND\n"),
    e(3016, "One procedure has more variables and intermediate values, or more code, than the machine can address.",
      "PROCEDURE Big\n«5000×  INT _a#\n»END Big\nBEGIN\nEND\n", "PROCEDURE Small\n  INT _a\nEND Small\nBEGIN\nEND\n"),
    e(3017, "Only what has rows can be indexed: records, aliases with a structure, structured objects.",
      body("_a := _a[1]", declare="INT _a"), body("_a := _m[1]^Id", declare="INT _a\nRECORD NOALIAS (SD.Meter) _m")),
    e(3019, "This attribute is kept for other things: locals have \\VLD, \\TIM and \\WEA, records \\DIM, objects \\HBJ as well.",
      body("_a := _a\\HBJ", declare="INT _a"), body("_a := U.Count\\HBJ", declare="INT _a")),
    e(3020, "A column is taken from one row: name it in brackets, or use the loop variable of FOR .. RANGE.",
      body("SV.Tanks^Level := 1"), body("SV.Tanks[1]^Level := 1")),
    e(3021, "A record with NOALIAS holds values only: its columns of type Object have no place for a reference.",
      body("SET _t AS SV.Tanks", declare="RECORD NOALIAS (SD.Tank) _t"), body("SET _t AS SV.Tanks", declare="RECORD (SD.Tank) _t")),
    e(3022, "DIRECT makes a column refer to the items of an object of the system. A local structure has no items that others could see.",
      body("SET _r AS _q DIRECT", declare="RECORD (SD.Tank) _r, _q"), body("SET _r AS SV.Tanks DIRECT", declare="RECORD (SD.Tank) _r")),
    e(3023, "SORT moves whole rows of one record. All its columns must be of that record.",
      body("SORT _m^Id, @TRUE, _n^Id, @TRUE", declare="RECORD NOALIAS (SD.Meter) _m, _n"),
      body("SORT _m^Id, @TRUE, _m^Name, @TRUE", declare="RECORD NOALIAS (SD.Meter) _m")),
    e(3024, "FIND_TRUE sets its variable to one number after the other and looks whether the condition holds. A condition without the "
            "variable would be the same for each of them.",
      body("FIND_TRUE _i, 3, _rc, _m[1]^Id = 2", declare="RECORD NOALIAS (SD.Meter) _m\nINT _i, _rc"),
      body("FIND_TRUE _i, 3, _rc, _m[_i]^Id = 2", declare="RECORD NOALIAS (SD.Meter) _m\nINT _i, _rc")),
    e(3025, "`SET .. AS` writes a reference into a column of type Object. This column holds values; with DIRECT it is linked to the items of an "
            "object instead.",
      body("SET _r^Src AS SV.Tanks[0]^Level", declare="RECORD (SD.Tank) _r"),
      body("SET _r^Src AS SV.Tanks[0]^Level DIRECT", declare="RECORD (SD.Tank) _r")),
    # calls between objects
    e(3060, "The object has another kind than the action needs: CALL needs an event, a picture or a process, EVENT and OPENEVENT an event.",
      body("CALL [U.Count] Add(1)"), body("CALL [E.Counter] Add(1)"), "event"),
    e(3061, "A RECORD that is declared without a structure takes whatever it is given; its columns are found by name when the script runs. SORT, "
            "whole columns, links and the way into an object need columns that are known when the script is saved.",
      body("SORT _r^Id, @TRUE", declare="RECORD _r"), body("SORT _r^Id, @TRUE", declare="RECORD NOALIAS (SD.Meter) _r")),
    # lints
    e(4001, "`&` is computed before `|`. With brackets the reader need not know.",
      body("_a := _a | _b & _a", declare="BOOL _a, _b"), body("_a := _a | (_b & _a)", declare="BOOL _a, _b")),
    e(4002, "`!` holds for what directly follows it. The line compares the opposite of the left side; often the opposite of the whole "
            "comparison was meant.",
      body("_a := !_a = _b", declare="BOOL _a, _b"), body("_a := !(_a = _b)", declare="BOOL _a, _b")),
    e(4003, "Both sides of `&` and `|` are always computed, and an invalid value in one makes the result invalid: the test protects nothing.",
      body("IF _i\\VLD & _i > 3 THEN", "ENDIF", declare="INT _i"),
      body("IF _i\\VLD THEN", "  IF _i > 3 THEN", "  ENDIF", "ENDIF", declare="INT _i")),
    e(4004, "The conversion exists but never gives a valid value: a text is no number until a function reads it.",
      body("_a := _t", declare="INT _a\nTEXT _t"), body("_a := %StrToI(_t)", declare="INT _a\nTEXT _t")),
    e(4005, "Both halves read the picture variable, change it and write it back. Between reading and writing the other half may have "
            "written: its step is lost.",
      "BEGIN\n  _selected := _selected + 1\nEND\n; remote part\nBEGIN\n  _selected := _selected + 1\nEND\n",
      "BEGIN\n  _selected := _selected + 1\nEND\n; remote part\nBEGIN\n  _selected := 0\nEND\n", "picture"),
]


def page(table: Table) -> list[str]:
    """The manual page: one section per code."""
    lines = []
    for row in table.rows:
        lines += [f"## {row.name}", "", row.text, "", "Wrong:", "", *fenced(row.wrong), "", "Right:", "", *fenced(row.right), ""]
    return lines[:-1]


def fenced(example: str) -> list[str]:
    return ["```esl", *shown(example).rstrip("\n").split("\n"), "```"]


def shown(example: str) -> str:
    """An example as a page prints it: what is no character of a file is named, long lines are cut."""
    text = "".join(c if c == "\n" or c.isprintable() else f"<U+{ord(c):04X}>" for c in example)
    return "\n".join(line if len(line) <= 140 else line[:100] + " ..." for line in text.split("\n"))


TABLE = Table("explanations", "Explained", ROWS, "What each message of the compiler means, with a wrong and a right example.", page=page)
