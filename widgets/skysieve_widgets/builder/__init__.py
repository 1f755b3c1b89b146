"""A filter shaped by eye: cuts as rows of a form, judged on a sample of alerts while their thresholds move.

``columns`` and ``cut`` are the values, ``parse`` goes from SQL to rows and back, ``judge`` and ``histogram`` work on a
sample, ``widget`` shows it all.
"""

from skysieve_widgets.builder.columns import BuilderColumn, BuilderColumns
from skysieve_widgets.builder.sampled import SampleSource
from skysieve_widgets.builder.widget import FilterBuilder

__all__ = ["BuilderColumn", "BuilderColumns", "FilterBuilder", "SampleSource"]
