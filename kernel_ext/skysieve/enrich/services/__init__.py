"""External services that can be asked what they know of an alert: TAP, SQL databases, REST."""

from skysieve.enrich.services.rest import Rest
from skysieve.enrich.services.sql import Sql
from skysieve.enrich.services.tap import Tap

__all__ = ["Rest", "Sql", "Tap"]
