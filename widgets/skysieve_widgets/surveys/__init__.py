"""The shapes of alerts: what each survey calls its position, its history and its cutouts.

A survey is one module here that registers one :class:`~skysieve_widgets.surveys.base.Survey`; nothing
outside this folder asks which survey an alert is from.
"""

from skysieve_widgets.surveys import lsst, ztf
from skysieve_widgets.surveys.base import KINDS, Alert, Summary, Survey, as_alert, register, survey_of

register(lsst.LSST())
register(ztf.ZTF())

__all__ = ["KINDS", "Alert", "Summary", "Survey", "as_alert", "register", "survey_of"]
