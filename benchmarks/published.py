"""Our curve over the published one, and how far apart they are.

    python -m benchmarks.published RUN_DIR [--out FILE.png]

The published runs (benchmarks/published_curves.json) are the test metrics printed in the authors' public notebook for
arXiv 2309.15123: GIN, random split, five runs per fraction.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from jaxmrl.reports import plots
from jaxmrl.runs.curves import MeasuredCurve, Point, curves_of
from jaxmrl.runs.tables import read_results
from jaxmrl.scaling.analysis import UNFITTED
from jaxmrl.training.metrics import METRICS

REFERENCE = Path(__file__).with_name("published_curves.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="run directory of a sweep")
    parser.add_argument("--out", type=Path, help="default: published.png in the run directory")
    flags = parser.parse_args()
    ours, *others = curves_of(read_results(flags.run / "results.csv"))
    if others:
        parser.error(f"{flags.run} holds {1 + len(others)} curves; give a run with one")
    published = published_curve(ours)
    for line in comparison(ours, published):
        print(line)
    out = flags.out or flags.run / "published.png"
    title = f"{ours.identity.dataset}: jaxmrl and the published runs"
    label = METRICS[ours.metric].label
    figure = plots.draw_curves([published, ours], [UNFITTED, UNFITTED], metric_label=label, unit="", title=title)
    out.write_bytes(plots.render(figure, "png"))
    print(f"figure: {out}")


def published_curve(ours: MeasuredCurve) -> MeasuredCurve:
    """The published curve of the same data set, its molecules counted as ours are."""
    reference = json.loads(REFERENCE.read_text())
    entry = reference[ours.identity.dataset]
    full = max(point.n_train / point.fraction for point in ours.points)
    runs = np.array(entry["runs"])
    points = tuple(
        Point(fraction, int(fraction * full), tuple(column.tolist()))
        for fraction, column in zip(reference["fractions"], runs.T, strict=True)
    )
    return MeasuredCurve(replace(ours.identity, model=f"published {ours.identity.model}"), ours.metric, points)


def comparison(ours: MeasuredCurve, published: MeasuredCurve) -> list[str]:
    """A line per fraction that both have: the means, and their distance in published standard deviations."""
    theirs = {point.fraction: point for point in published.points}
    lines = [f"{'fraction':>8}  {'molecules':>9}  {'jaxmrl':>15}  {'published':>15}  distance in published sd"]
    for point in ours.points:
        if (other := theirs.get(point.fraction)) is not None:
            distance = (point.mean - other.mean) / other.sd
            cells = (f"{p.mean:.4f} ± {p.sd:.4f}" for p in (point, other))
            lines.append(f"{point.fraction:>8g}  {point.n_train:>9,}  {'  '.join(cells)}  {distance:+.2f}")
    return lines


if __name__ == "__main__":
    main()
