"""What Skysieve draws in a notebook: alerts, previews and deployments.

The modules take plain values (a decoded alert is a mapping) and know neither Spark nor Kafka.
"""

from skysieve_widgets.alert import AlertView, alert_figure
from skysieve_widgets.deployment import deployment_html, deployment_text
from skysieve_widgets.light_curve import light_curve
from skysieve_widgets.preview import preview_html, preview_text

__all__ = [
    "AlertView",
    "alert_figure",
    "deployment_html",
    "deployment_text",
    "light_curve",
    "preview_html",
    "preview_text",
]
