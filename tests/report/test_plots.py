"""The plots as SVG."""

import re
from datetime import date

from mgm.report.plots import DateMark, daily_plot, histogram, histogram_axis, interval_plot, line_plot


def test_missing_and_constant_values() -> None:
    assert "no value" in interval_plot(None, low=None, high=None, majority=None, linear=None, single=None)
    assert line_plot("flat", {"a": [(0, 1.0), (1, 1.0)]}).count("<circle") == 2
    assert line_plot("none", {"a": [(0, float("nan"))]}) == ""
    assert "&lt;b&gt;" in line_plot("<b>", {"a": [(0, 1.0)]})


def test_histograms_share_an_axis_and_name_bins() -> None:
    plot = histogram({0: 1, 1: 2, 4: 40}, last=1024)
    assert re.findall(r"<title>(.*?)</title>", plot) == [
        "0: 1 of 43 documents",
        "1: 2 of 43 documents",
        "4 to 7: 40 of 43 documents",
    ]
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"><title>', plot)]
    assert heights == [1.0, 1.2, 24.0]
    assert re.findall(r">([\w]+)</text>", histogram_axis(4096)) == ["1", "16", "256", "4k"]
    assert histogram({4: 1}, 1024).split('width="')[1][:4] == histogram({8: 1}, 1024).split('width="')[1][:4]


def test_values_by_date() -> None:
    """One date alone has a plot too, and marks and levels are named."""
    day, last = date(2026, 1, 1), date(2026, 1, 31)
    one = daily_plot("one", {"a": [(day, 0.0)]}, days=(day, day))
    assert one.count("<circle") == 1 and re.findall(r">(2026-[\d-]+)<", one) == ["2026-01-01"]
    assert ">0</text>" in one and ">-" not in one  # an axis of counts has no negative numbers
    plot = daily_plot(
        "two",
        {"a": [(day, 30_000), (last, float("nan"))], "<b>": [(last, 2.0)]},
        days=(day, last),
        levels={"limit": 45_000.0},
        marks=[DateMark(day=last, kind="refused", caption="<i>")],
    )
    assert re.findall(r">(2026-[\d-]+)</text>", plot) == ["2026-01-01", "2026-01-16", "2026-01-31"]
    assert ">60k</text>" in plot and "limit 45000" in plot
    assert "2026-01-31: &lt;i&gt;" in plot and "&lt;b&gt;" in plot and plot.count("<circle") == 2
    assert daily_plot("none", {"a": []}, days=(day, last)) == ""
