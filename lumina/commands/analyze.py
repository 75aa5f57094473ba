"""``lumina analyze FIGURE``: reproduces the paper's figures on the internals of a model."""

from __future__ import annotations

from importlib import import_module

from lumina.config.parser import parse_function

FIGURES = {
    "attention": "attention of 1-D against 2-D rotary positions over a picture (figure 2)",
    "activations": "magnitude of activations by depth, with and without sandwich norms (figure 3)",
    "truncation": "error of Euler steps and curvature of the path over time (figure 4)",
    "wavelengths": "rotary wavelengths under the rules for new sizes (figure 6(a))",
    "time": "time of an evaluation over resolution, with and without context drop (figure 12(b))",
    "resolution": "accuracy of recognition over resolution, under the rules for new sizes (figure 20)",
}


def main(arguments: list[str]) -> None:
    """Draws one figure."""
    figure = arguments[0] if arguments else "--help"
    if figure in ("-h", "--help"):
        print(_help())
        return
    if figure not in FIGURES:
        raise ValueError(f"unknown figure {figure!r}; choose one of {', '.join(FIGURES)}.")
    analyze = import_module(f"lumina.analysis.{figure}").analyze
    analyze(**parse_function(analyze, f"lumina analyze {figure}", arguments[1:]))


def _help() -> str:
    rows = [f"  {name:<13}{text}" for name, text in FIGURES.items()]
    head = "usage: lumina analyze FIGURE [options]\n\nEach writes a PNG and a CSV of the same name.\n"
    return "\n".join([head, *rows, "\n`lumina analyze FIGURE --help` lists a figure's options."])
