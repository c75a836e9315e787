"""matplotlib's figures as SVG inside a page: text as text, colours by the page's theme.

Figures are drawn in stand-in colours, which become CSS variables here, so that one
figure serves light and dark. Every id in a figure is its own.
"""

import contextlib
import html
import io
import re

INK, MUTED, GRID = "#fe0200", "#fe0201", "#fe0202"
SERIES = [f"#fe01{number:02x}" for number in range(6)]
DASHES = ["-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2))]
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    **{colour: f"var(--series-{n})" for n, colour in enumerate(SERIES)},
}
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "duchenne",  # the same figure has the same ids
    "text.parse_math": False,  # names hold what users called their folders
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}
WIDEST = 1.5  # how much a figure may grow on a wide screen


def style():
    """A context in which figures are drawn for `inline`."""
    import matplotlib

    stack = contextlib.ExitStack()
    stack.enter_context(matplotlib.rc_context(STYLE))
    return stack


def look(number):
    """Colour and dashes of a model: no two of 24 are the same."""
    colour = SERIES[number % len(SERIES)]
    return {"color": colour, "ls": DASHES[(number // len(SERIES)) % len(DASHES)]}


def inline(figure, name, alternative):
    """A figure as an SVG element for a page.

    Args:
        figure: drawn within `style`, a `matplotlib.figure.Figure`.
        name: unique in the page, letters and digits: what its ids begin with.
        alternative: what it shows, for those who do not see it.

    Returns:
        The element, with the colours as CSS variables.
    """
    file = io.StringIO()
    with style():
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # A style sheet inside would be one for the whole page.
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"font: [^;\"]*?([\d.]+px)[^;\"]*", r"font-size: \1", text)
    text = re.sub(r"font-family:[^;\"]*;?", "", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, variable)
    box = re.search(r'viewBox="([^"]+)"', text).group(1)
    width = WIDEST * float(box.split()[2])
    told = html.escape(alternative)
    head = f'<svg viewBox="{box}" role="img" aria-label="{told}"'
    head += f' style="max-width: {width:.0f}px">'
    text = re.sub(r"<svg[^>]*>", head, text, count=1)
    return re.sub(r"\s*\n\s*", "\n", text)
