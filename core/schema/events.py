"""Picture events and their parameter lists. An event is synchronous exactly when its handler declares a parameter without IN."""

from dataclasses import dataclass

from table import Table


@dataclass(frozen=True)
class Event:
    """parameters (name, mode, type) of the global form; the special form `Button_OnClick` drops a leading refId.

    required   how many parameters a handler must declare; the rest is an optional tail
    form       both | special (only with the name of an object) | picture (never with one)
    entryx     may the newest request replace waiting ones?
    local      only the local part may handle it
    """

    number: int
    name: str
    parameters: tuple[tuple[str, str, str], ...]
    required: int
    form: str
    entryx: bool
    local: bool
    doc: str


REF = ("_refId", "IN", "INT")
KEYS = (("_vk", "IN", "INT"), ("_ctrl", "IN", "BOOL"), ("_shift", "IN", "BOOL"), ("_alt", "IN", "BOOL"))
MOUSE = (REF, ("_btn", "IN", "INT"), ("_shift", "IN", "BOOL"), ("_x", "IN", "INT"), ("_y", "IN", "INT"))


def row(number: int, name: str, doc: str, *parameters: tuple[str, str, str], form: str = "both", entryx: bool = True,
        local: bool = False, required: int | None = None) -> Event:
    count = len(parameters) if required is None else required
    return Event(number, name, parameters, count, form, entryx, local, doc)


EVENTS = [
    row(1, "OnClick", "a button or another object was clicked", REF),
    row(2, "OnClose", "the picture is about to close; FALSE refuses", ("_bClose", "INOUT", "BOOL"), form="picture", entryx=False),
    row(3, "OnCloseHI", "the console is about to end; FALSE refuses", ("_bClose", "INOUT", "BOOL"), form="picture", entryx=False),
    row(4, "OnTimer", "period of %HI_SetTimerPeriod is over", form="picture"),
    row(5, "OnTextChange", "an entry field was left with another text", REF),
    row(6, "OnTypeTextChange", "while typing", REF, ("_line", "IN", "TEXT"), ("_startPos", "IN", "INT"), ("_cursorPos", "IN", "INT")),
    row(7, "OnMouseDown", "a mouse button was pressed", *MOUSE),
    row(8, "OnMouseUp", "a mouse button was let go", *MOUSE),
    row(9, "OnMouseMove", "the mouse moved", REF, ("_x", "IN", "INT"), ("_y", "IN", "INT")),
    row(10, "OnMouseEnter", "the mouse entered the object", REF),
    row(11, "OnMouseLeave", "the mouse left the object", REF),
    row(12, "OnMouseWheel", "the wheel turned", REF, ("_delta", "IN", "INT")),
    row(13, "OnKeyPress", "a key while the picture has the focus", *KEYS, form="picture"),
    row(14, "OnKeyDown", "a registered key", *KEYS, form="picture"),
    row(15, "OnUserInput", "the control window of an object was closed", REF, entryx=False),
    row(16, "OnItemDoubleClick", "double click on an item", REF, ("_row", "IN", "INT"), ("_col", "IN", "INT"), required=1),
    row(17, "OnItemValidate", "a cell was edited; may refuse", REF, ("_row", "INOUT", "INT"), ("_col", "INOUT", "INT"),
        ("_value", "IN", "TEXT"), ("_bValid", "INOUT", "BOOL"), entryx=False),
    row(18, "OnFetchDone", "a page was read into a browser", ("_rec", "INOUT", "RECORD"), ("_bAfter", "IN", "BOOL"),
        form="special", entryx=False),
    row(19, "OnBrowserClick", "a cell of a browser was clicked", REF, ("_mouseBtn", "IN", "INT"), ("_dblClick", "IN", "BOOL"),
        ("_row", "IN", "INT"), ("_col", "IN", "INT"), ("_bShift", "IN", "BOOL"), ("_bCTRL", "IN", "BOOL"),
        ("_bButton", "IN", "BOOL"), ("_bDoDefault", "INOUT", "BOOL"), required=7),
    row(20, "OnDragStart", "the left button begins to drag", REF),
    row(21, "OnDragEnter", "something is dragged over the object", REF, ("_bAllow", "OUT", "BOOL"), entryx=False),
    row(22, "OnDragOver", "dragging goes on over the object", REF, ("_bAllow", "OUT", "BOOL"), entryx=False),
    row(23, "OnDragLeave", "dragging left the object or was given up", REF),
    row(24, "OnDragDrop", "something was dropped", REF, ("_x", "IN", "INT"), ("_y", "IN", "INT"), entryx=False),
    row(25, "OnDrop", "same as OnDragDrop", REF, ("_x", "IN", "INT"), ("_y", "IN", "INT"), entryx=False),
    row(26, "OnPopUpMenu_Result", "an item of the menu was chosen; 0 = none", ("_itemId", "IN", "INT"), form="picture", entryx=False),
    row(27, "OnSubPictureClosed", "a sub-picture closed", ("_pict", "IN", "INT"), ("_instance", "IN", "INT"), form="picture",
        entryx=False),
    row(28, "OnAXEvent", "an embedded control reports", REF, ("_event", "IN", "TEXT"), ("_params", "IN", "TEXT"), entryx=False),
    row(29, "OnSelChange", "another item was selected", REF, ("_item", "IN", "INT")),
    row(30, "OnTreeExpand", "a branch was opened or closed", REF, ("_item", "IN", "INT"), ("_open", "IN", "BOOL")),
    row(31, "OnCheckChange", "a check box changed", REF, ("_state", "IN", "BOOL")),
    row(32, "OnActivate", "the window got the focus", form="picture"),
    row(33, "OnDeactivate", "the window lost the focus", form="picture"),
    row(34, "OnResize", "the window has another size", ("_w", "IN", "INT"), ("_h", "IN", "INT"), form="picture"),
    row(35, "OnGraphClick", "a point of a graph was clicked", REF, ("_t", "IN", "TIME"), ("_val", "IN", "REAL")),
    row(36, "OnRefreshDone", "a refresh ended", REF, ("_rc", "IN", "INT")),
    row(40, "OnRemoteRestart", "a new remote part replaced a lost one", form="picture", entryx=False, local=True),
]

TABLE = Table("events", "PictureEvent", EVENTS, "Picture events and the parameters of their handlers.")
