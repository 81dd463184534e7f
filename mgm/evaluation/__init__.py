"""Metrics with intervals, calibration, slices, explanations, and a candidate against the champion."""
