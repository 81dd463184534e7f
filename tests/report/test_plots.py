"""The plots as SVG."""

import re

from mgm.report.plots import histogram, histogram_axis, interval_plot, line_plot


def test_missing_and_constant_values() -> None:
    assert "no value" in interval_plot(None, low=None, high=None, majority=None, single=None)
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
