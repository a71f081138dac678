"""Diagnostics of the compiler. A code never changes its meaning.

Blocks: ESL0xxx characters, 1xxx syntax, 2xxx names and halves, 3xxx types, 4xxx lints. `template` is the title (filled with
str.format), `why` one sentence, `hint` the way out; both may be empty.
"""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Diagnostic:
    number: int
    name: str
    severity: str
    template: str
    why: str = ""
    hint: str = ""


def error(number: int, template: str, why: str = "", hint: str = "") -> Diagnostic:
    return Diagnostic(number, f"ESL{number:04d}", "error", template, why, hint)


def warning(number: int, template: str, why: str = "", hint: str = "") -> Diagnostic:
    return Diagnostic(number, f"ESL{number:04d}", "warning", template, why, hint)


DIAGNOSTICS = [
    # characters
    error(1, "{what} is not allowed here", "Outside texts and comments only letters, digits and the signs of the language count."),
    error(2, "a text is not closed on its line", "A text ends on the line where it begins.", "close it with {quote}; inside a text the quote is doubled"),
    error(3, "a single carriage return ends no line", "Lines end with LF or CR LF.", "save the file with LF line ends"),
    error(4, "number `{text}` runs into letters", "", "put a blank or an operator between them"),
    error(5, "the source is longer than {limit} bytes", "One part of an object has a limit of length.", "move procedures into another object"),
    error(6, "a name is longer than {limit} characters"),
    error(7, "number `{text}` is outside the range of {type}", "INT goes from -9223372036854775792 to 9223372036854775807."),
    error(8, "the source holds half a character", "A surrogate alone stands for no character."),
    # syntax
    error(1001, "expected {wanted}, found {found}"),
    error(1002, "unknown action `{name}`", "A line begins with an action, a declaration, a label or the target of `:=`."),
    error(1003, "{construct} is not supported yet", "It is part of the language, but this version cannot compile it."),
    error(1004, "`{word}` without `{opener}`", "Nothing is open here that it could belong to."),
    error(1005, "`{opener}` is never closed", "Every {opener} needs its {closer}.", "add `{closer}`"),
    error(1006, "`{name}` is never closed", "", "close it with `END {name}`"),
    error(1007, "`ELSE IF` opens a second IF that is never closed", "", "write `ELSIF`"),
    error(1008, "more than {limit} levels of nesting", "", "use procedures or variables for the inner parts"),
    error(1009, "`{word}` behind the init part", "Procedures and entries stand before BEGIN and before the first action."),
    error(1010, "`{name}` is a reserved word", "", "choose another name"),
    error(1011, "comparisons cannot be chained", "`a < b < c` has no meaning: the first result is a BOOL.", "write `a < b & b < c`"),
    error(1012, "more than {limit} errors; the rest is not shown"),
    warning(1013, "bare `END` closes `{name}`", "END alone is the action that ends the run.", "write `END {name}`"),
    # names and halves
    error(2001, "`{name}` is not declared"),
    error(2002, "`{name}` is declared twice", "Procedures, entries and labels share one space of names; locals have one per section."),
    error(2003, "`END {found}` closes `{name}`", "", "write `END {name}`"),
    error(2004, "there is no label `{name}` in this section", "A jump stays inside its procedure, entry or init part."),
    error(2005, "jump into a loop or IF", "Out of a loop or IF is allowed, into it is not.", "move the label out of the block"),
    error(2006, "there is no procedure `{name}` in this part"),
    error(2007, "`{name}` takes {wanted}, found {found}"),
    error(2008, "unknown event `{name}`", "Entries handle events of the picture: OnClick, or BtnGo_OnClick for one object."),
    error(2009, "wrong parameters for event `{name}`", "The parameter list of an event is fixed.", "declare `{wanted}`"),
    error(2010, "ENTRYX cannot handle `{name}`", "A newer request would replace one that somebody waits for or that must not be lost.", "use ENTRY"),
    error(2011, "{construct} is only possible in {place}"),
    error(2012, "`{name}` belongs to the other part", "Variables of one part cannot be seen in the other.",
          "declare a picture variable, or pass the value: `CALL [] P({name})`"),
    error(2013, "there is no graphical object `{name}` in this picture", "An entry `Name_OnEvent` belongs to the reference variable `_Name`."),
    error(2014, "unknown function `{name}`"),
    error(2016, "unknown constant `{name}`"),
    error(2017, "unknown attribute `\\{name}`"),
    error(2018, "EXIT_LOOP outside a loop"),
    error(2019, "`{name}` is an entry", "Entries are called by events only.", "move the body into a procedure"),
    error(2020, "only the local part can handle `{name}`", "It tells the local part that its remote part was replaced."),
    error(2021, "EXCEPTION_HANDLER inside a loop or IF", "It protects the whole stretch of the section in front of it.",
          "put it between actions of the section itself"),
    error(2022, "ON ERROR and EXCEPTION_HANDLER in one section", "A section has either handler labels or handler stretches.",
          "move one of them into a procedure"),
    error(2023, "{word} behind EXCEPTION_HANDLER", "Only the handler of ON ERROR knows which action failed.",
          "repeat the work in a loop around the CALL of a procedure"),
    error(2024, "unit `{unit}` has no public procedure `{name}`", "Only its PUBLIC PROCEDUREs can be called."),
    error(2025, "`{name}` is no {wanted}"),
    error(2026, "unit `{name}` uses itself"),
    error(2027, "`{name}` has an error, {text}", "", "correct it first"),
    error(2028, "procedure `{name}` of `{interface}` is missing", "IMPLEMENTATION promises every procedure of the interface, as RPC or RPCX."),
    error(2029, "`{name}` is not as `{interface}` has it", "Types, order and IN are part of the promise.", "declare `{wanted}`"),
    error(2030, "an interface holds headers of RPC procedures only", "Each is closed by `END Name`, there is nothing in between."),
    error(2031, "IMPLEMENTATION stands in front of everything else", "", "move it to the first line"),
    error(2032, "`{interface}` has no procedure `{name}`"),
    error(2040, "a PUBLIC variable stands at the level of the script", "A caller gives it its value before the first action runs.",
          "move the declaration out of the procedure"),
    error(2041, "`{name}` cannot be PUBLIC", "A caller sets and reads it: values and structures, no aliases and no constants."),
    error(2042, "EVENT hands over at most {limit} values, found {found}"),
    error(2043, "`{name}` is given twice"),
    error(2044, "CALL .. ON ALL gives no result", "It is delivered to every process that has the object open.", "write `ASYNC ON ALL`"),
    error(2045, "OPENEVENT needs `DIRECT` or `ON process`"),
    error(2101, "procedure `{name}` is declared in both halves", "RPC procedures of L and R form one interface; CALL [] could not choose.",
          "keep one and call it from the other half: `CALL [] {name}{arguments}`"),
    error(2102, "synchronous entry `{name}` is handled in both halves", "A caller waits for ONE return value.",
          "keep one handler and call a procedure of the other half from it"),
    # types
    error(3001, "`{op}` cannot join {left} and {right}"),
    error(3002, "expected {wanted}, found {found}"),
    error(3003, "`{name}` is a constant", "A variable with an initial value is a constant.", "declare it without the value and assign it after BEGIN"),
    error(3004, "{what} cannot be written"),
    error(3005, "whole structures are not assigned with `:=`", "", "use `SET .. WITH ..`"),
    error(3006, "a row and a whole structure do not go together here",
          "SET pairs a row with a row and a whole with a whole; the last row of INSERT goes with a row."),
    error(3007, "the structures `{left}` and `{right}` differ"),
    error(3008, "argument {number} of `{name}` must be a variable", "The parameter hands its value back to the caller.",
          "declare the parameter with IN, or pass a variable"),
    error(3009, "a loop counts with a local INT, `{name}` is {found}"),
    error(3010, "expected an object, found {found}"),
    error(3011, "`{name}` has no result", "It can stand alone as an action only."),
    error(3012, "unknown object `{name}`"),
    error(3013, "structure `{structure}` has no column `{name}`"),
    error(3014, "unknown structure `{name}`"),
    error(3015, "an initial value cannot use `{name}`", "Initial values are made of literals, functions and earlier constants."),
    error(3016, "the script is too large: {text}", "", "split the procedure"),
    error(3017, "{what} has no rows", "Only records, aliases with a structure and structured objects are indexed."),
    error(3019, "`\\{name}` of {what} is not known"),
    error(3020, "a row is needed before `^{name}`", "", "write `x[row]^{name}`"),
    error(3021, "`{name}` holds no references", "A record declared NOALIAS keeps plain values in its Object columns.", "declare it without NOALIAS"),
    error(3022, "DIRECT needs an object, found {what}", "DIRECT links to the items of the object itself."),
    error(3023, "SORT takes the columns of one record; the first one is `{name}`"),
    error(3024, "the condition does not use `{name}`", "FIND_TRUE counts that variable and tests the condition for each value of it."),
    error(3025, "{what} holds no references", "A column of values is linked to with DIRECT only, and only in an object.", "add DIRECT"),
    # lints
    error(3060, "`{name}` is {found}, expected {wanted}"),
    error(3061, "`{name}` has no structure: {what} needs one", "The columns of a RECORD without a structure are found when it runs.",
          "declare it with its structure: `RECORD (SD.Name) {name}`"),
    warning(4001, "`&` and `|` without brackets", "`&` binds tighter than `|`.", "put brackets around one of them"),
    warning(4002, "`!` applies to the left side only", "`!a = b` means `(!a) = b`.", "write `!(a = b)` or `(!a) = b`"),
    warning(4003, "`\\VLD` does not guard the other side", "Both sides of `&` and `|` are always computed; an invalid one makes the result invalid.",
            "nest two IFs or use %IfInvalid"),
    warning(4004, "{left} never becomes {right}: the result is always invalid", "", "use a function such as %StrToI or %ToStr"),
    warning(4005, "`{name}` is read and written in one step by both parts", "Each part works on its own copy: one of two concurrent steps can be lost.",
            "let one part own the step and CALL it from the other"),
]

TABLE = Table("diagnostics", "DiagnosticCode", DIAGNOSTICS, "Messages of the compiler.")
