"""Draw a loss table as a small SVG, without any plotting library."""
import csv
import math

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 320, 50, 34, 14
COLORS = {"train": "#b4561f", "heldout": "#1f5fb4"}


def place(x, y, last, low, high):
    """Step and loss -> picture coordinates; the loss axis is logarithmic."""
    up = (math.log(y) - math.log(low)) / (math.log(high) - math.log(low))
    px = LEFT + (WIDTH - LEFT - 10) * x / last
    return px, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * up


def curve(rows, name, last, low, high):
    """One polyline element."""
    points = (place(int(r["step"]), float(r[name]), last, low, high) for r in rows)
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (f'<polyline fill="none" stroke="{COLORS[name]}" stroke-width="1.2" '
            f'points="{text}"/>')


def grid(last, low, high):
    """Labels and lines of both axes."""
    out = []
    for value in (5, 2, 1, 0.5, 0.2, 0.1, 0.05):
        if low <= value <= high:
            _, y = place(0, value, last, low, high)
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}" '
                       f'stroke="#ddd"/><text x="{LEFT - 6}" y="{y + 4:.1f}" '
                       f'text-anchor="end">{value}</text>')
    for part in range(5):
        step = last * part // 4
        x, _ = place(step, low, last, low, high)
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - 16}" text-anchor="middle">{step}</text>')
    return out


def draw(table, picture):
    """Read loss.csv, write loss.svg."""
    with open(table) as f:
        rows = list(csv.DictReader(f))
    values = [float(r[n]) for r in rows for n in COLORS]
    last, low, high = int(rows[-1]["step"]), min(values) * 0.9, max(values) * 1.1
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'font-family="sans-serif" font-size="11">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             *grid(last, low, high)]
    for i, name in enumerate(COLORS):
        parts.append(curve(rows, name, last, low, high))
        parts.append(f'<text x="{WIDTH - 90}" y="{30 + 16 * i}" '
                     f'fill="{COLORS[name]}">{name}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 3}" text-anchor="middle">step '
                 f'(weighted cross entropy, nats a token)</text></svg>')
    with open(picture, "w") as f:
        f.write("\n".join(parts) + "\n")
