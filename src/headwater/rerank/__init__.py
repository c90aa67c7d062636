"""The list as a whole: variety, calibration and quotas, in place of one item at a time."""
