"""What Skysieve draws in a notebook: alerts, previews, differences, deployments and the sky.

The modules take plain values (a decoded alert is a mapping) and know neither Spark nor Kafka.
"""

from skysieve_widgets.alert import AlertView, alert_figure
from skysieve_widgets.alert_table import AlertTable
from skysieve_widgets.builder import FilterBuilder
from skysieve_widgets.compare import Compare
from skysieve_widgets.deployment import deployment_html, deployment_text
from skysieve_widgets.diff import diff_html, diff_text
from skysieve_widgets.light_curve import light_curve
from skysieve_widgets.live import LiveView
from skysieve_widgets.preview import preview_html, preview_text
from skysieve_widgets.preview_plot import preview_figure
from skysieve_widgets.sky_map import SkyMap

__all__ = [
    "AlertTable",
    "AlertView",
    "Compare",
    "FilterBuilder",
    "LiveView",
    "SkyMap",
    "alert_figure",
    "deployment_html",
    "deployment_text",
    "diff_html",
    "diff_text",
    "light_curve",
    "preview_figure",
    "preview_html",
    "preview_text",
]
