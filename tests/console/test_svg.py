"""A drawing comes from whoever may save a picture; what reaches a browser holds nothing that runs, fetches or multiplies."""

import pytest

from hisee.console import svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">'


def cleaned(body: str) -> svg.Drawing:
    return svg.parse(f"{HEAD}{body}</svg>".encode())


def texts(drawing: svg.Drawing) -> str:
    return repr(drawing.root.tree()).lower()


@pytest.mark.parametrize("body", [
    "<script>alert(1)</script>",
    '<script href="https://evil.example/x.js"/>',
    '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>',
    "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml' onload='alert(1)'/></foreignObject>",
    "<g><iframe xmlns='http://www.w3.org/1999/xhtml' src='javascript:alert(1)'/></g>",
    '<image href="https://evil.example/x.png"/>',
    '<image xlink:href="data:image/svg+xml,alert"/>',
    '<use href="https://evil.example/x.svg#a"/>',
    '<a href="javascript:alert(1)"><text>alert</text></a>',
    "<style>@import url(https://evil.example/x.css); rect{fill:red}</style>",
    '<animate attributeName="href" to="javascript:alert(1)"/>',
    '<set attributeName="onmouseover" to="alert(1)"/>',
    '<filter id="f"><feImage href="https://evil.example/x"/></filter>',
    '<rect onclick="alert(1)"/>',
    '<rect ONCLICK="alert(1)"/>',
    '<g onload="alert(1)" id="x"/>',
    '<rect fill="url(https://evil.example/x#a)"/>',
    '<rect style="fill: url(//evil.example/x)"/>',
    '<rect style="background-image:url(javascript:alert(1))"/>',
    '<rect fill="u\\72l(https://evil.example)"/>',
    '<rect class="evil.example"/>',
    '<rect id="a&quot; onload=&quot;alert(1)"/>',
    '<handler xmlns="http://www.w3.org/2001/xml-events">alert(1)</handler>',
])
def test_nothing_that_runs_or_fetches_stays(body):
    drawing = cleaned(body)
    found = texts(drawing)
    for mark in ("script", "alert", "evil", "javascript", "onload", "onclick", "data:", "href", "iframe", "foreignobject", "animate"):
        assert mark not in found, (mark, found)
    assert drawing.removed


@pytest.mark.parametrize("data", [
    b'<!DOCTYPE svg [<!ENTITY a "ha">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>',
    b'<!DOCTYPE svg SYSTEM "file:///etc/passwd"><svg xmlns="http://www.w3.org/2000/svg"/>',
    b'<!DOCTYPE svg><svg/>',
    b"<svg><g></svg>",
    b"<html/>",
    b"",
    b"\xff\xfe",
    b"<svg>" + b"<g>" * 200 + b"</g>" * 200 + b"</svg>",
    b"<svg>" + b"<g/>" * (svg.MAX_NODES + 1) + b"</svg>",
    b"<svg><desc>" + b"x" * svg.MAX_BYTES + b"</desc></svg>",
])
def test_a_drawing_that_cannot_be_trusted_as_a_whole_is_refused(data):
    with pytest.raises(svg.DrawingRefused):
        svg.parse(data)


def test_entities_cannot_multiply():
    bomb = '<!DOCTYPE s [<!ENTITY a "0123456789">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(8)) + "]><svg>&i;</svg>"
    with pytest.raises(svg.DrawingRefused, match="entities"):
        svg.parse(bomb.encode())


def test_a_decent_drawing_is_kept():
    drawing = cleaned('<defs><linearGradient id="g1"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
                      '<g id="Tank" transform="translate(5 6)"><rect x="1" y="2" width="30" height="40" '
                      'style="fill:url(#g1);stroke:#333" rx="2"/><text x="3" y="4" fill="#123456">Tank <tspan>1</tspan></text></g>')
    assert not drawing.removed
    assert drawing.root.tree()[2][1][2][0] == ["rect", {"x": "1", "y": "2", "width": "30", "height": "40", "rx": "2",
                                                         "fill": "url(#g1)", "stroke": "#333"}, []]
    assert svg.initial(drawing.items["Tank"]) == {"x": 6, "y": 8, "width": 30, "height": 40, "text": "Tank 1",
                                                  "fore_color": 0x123456, "back_color": -1, "line_color": 0x333333}


@pytest.mark.parametrize(("body", "box"), [
    ('<circle id="i" cx="10" cy="20" r="5"/>', (5, 15, 10, 10)),
    ('<ellipse id="i" cx="10" cy="20" rx="5" ry="2"/>', (5, 18, 10, 4)),
    ('<line id="i" x1="1" y1="2" x2="11" y2="22"/>', (1, 2, 10, 20)),
    ('<text id="i" x="7.6" y="8.4px">a</text>', (8, 8, 0, 0)),
    ('<rect id="i" x="1e999" y="-3" width="10%"/>', (1, -3, 10, 0)),
])
def test_places_as_drawn(body, box):
    found = svg.initial(cleaned(body).items["i"])
    assert (found["x"], found["y"], found["width"], found["height"]) == box


@pytest.mark.parametrize(("text", "number"), [("#fff", 0xFFFFFF), ("#0a141e", 0x0A141E), ("Red", 0xFF0000), ("none", -1),
                                              ("rgb(1,2,3)", -1), (None, -1)])
def test_colours_as_drawn(text, number):
    assert svg.colour(text) == number
