"""A picture of a part of a layout, without a display.

    klayout -z -nc -b -r scripts/klayout/picture.py -rd input=bank.gds -rd rules=data/rules/sky130.toml -rd output=x.png
        -rd window=x0,y0,x1,y1 [-rd width=1200] [-rd height=800] [-rd hide=nwell,n_select,p_select] [-rd labels=1] [-rd codes=1] [-rd also=weights.oas] [-rd outlines=1]

`window` is in nanometres. With `codes` each weight via of a bank has the number of its line beside it.
`also` is a second file on top of the first, `outlines` the frames of what is placed on a die and their names. Layers are coloured by role, the programmed ones last and brightest.
"""
import re
import tempfile

import pya

try:
    import tomllib
except ImportError:
    import tomli as tomllib

# role: (colour, filled with pattern 1 = solid, 5.. = hatched)
STYLES = {
    "nwell": (0x9E9E9E, 5), "n_select": (0x66BB6A, 5), "p_select": (0xFFA726, 5), "active": (0x43A047, 0), "tap": (0x9E9D24, 0),
    "gate": (0xD32F2F, 0), "local": (0xA1887F, 4), "contact": (0x212121, 0), "gate_contact": (0x212121, 0),
    "strap": (0x1E88E5, 6), "via0": (0x37474F, 0), "line": (0x8E24AA, 11), "constant": (0x00ACC1, 5),
    "weight_via": (0xFFC107, 0), "constant_via": (0xFF5722, 0),
}


NOTES, OUTLINES = (235, 5), (235, 4)  # layers of no mask


def note_codes(view, layers, box):
    """A text beside each via of the program that is in the box: the number of the line that it is on."""
    layout = view.active_cellview().layout()
    top = view.active_cellview().cell
    lines = {}
    found = top.begin_shapes_rec(layout.layer(*layers["line"]["gds"]))
    found.shape_flags = pya.Shapes.STexts
    while not found.at_end():
        match = re.fullmatch(r"LINE\[\d+\]\[(\d+)\]", found.shape().text_string)
        if match:
            lines[(found.trans() * found.shape().text.bbox()).left] = match[1]
        found.next()
    program = layout.cell("program")
    glyphs = pya.TextGenerator.default_generator()
    ink = layout.layer(*NOTES)
    for shape in list(program.shapes(layout.layer(*layers["weight_via"]["gds"])).each()):
        via = shape.box
        if via.center().x not in lines or not box.contains(via.to_dtype(layout.dbu).center()):
            continue
        size = 1.4 * via.height() / (glyphs.dheight() / layout.dbu)
        text = glyphs.text(lines[via.center().x], layout.dbu, size)
        at = pya.Vector(via.right + via.width() // 5, via.center().y - text.bbox().center().y)
        program.shapes(ink).insert(text.moved(at))


def main():
    with open(rules, "rb") as file:
        layers = tomllib.load(file)["layers"]
    view = pya.LayoutView()
    view.set_config("background-color", "#ffffff")
    view.set_config("grid-visible", "false")
    view.set_config("text-visible", "true" if "labels" in globals() or "outlines" in globals() else "false")
    view.set_config("text-color", "#000000")
    view.set_config("cell-box-visible", "false")
    view.load_layout(input, False)
    if "also" in globals():
        view.load_layout(also, True)
    view.max_hier()
    x0, y0, x1, y1 = (float(v) * 1e-3 for v in window.split(","))
    if "codes" in globals():
        note_codes(view, layers, pya.DBox(x0, y0, x1, y1))
    hidden = globals().get("hide", "nwell,n_select,p_select").split(",")
    styles = ["<?xml version=\"1.0\" encoding=\"utf-8\"?><layer-properties>"]
    for role, (color, pattern) in STYLES.items():
        if role not in hidden:
            number, datatype = layers[role]["gds"]
            styles.append(f"<properties><frame-color>#{color:06x}</frame-color><fill-color>#{color:06x}</fill-color>"
                          f"<dither-pattern>I{pattern}</dither-pattern><valid>true</valid><visible>true</visible>"
                          f"<transparent>false</transparent><width>1</width><source>{number}/{datatype}@*</source></properties>")
    for wanted, layer, pattern in (("codes", NOTES, 0), ("outlines", OUTLINES, 1)):
        if wanted in globals():
            styles.append(f"<properties><frame-color>#000000</frame-color><fill-color>#000000</fill-color><dither-pattern>"
                          f"I{pattern}</dither-pattern><valid>true</valid><visible>true</visible><width>1</width>"
                          f"<source>{layer[0]}/{layer[1]}@1</source></properties>")
    styles.append("</layer-properties>")
    with tempfile.NamedTemporaryFile("w", suffix=".lyp") as file:
        file.write("".join(styles))
        file.flush()
        view.load_layer_props(file.name)
    view.zoom_box(pya.DBox(x0, y0, x1, y1))
    w, h = int(globals().get("width", 1200)), int(globals().get("height", 800))
    view.save_image_with_options(output, w, h, 1, 2, 1.0, pya.DBox(x0, y0, x1, y1), False)


main()
