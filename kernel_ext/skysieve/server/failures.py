"""What may go wrong in a handler, and how it is told: a status and a sentence."""

from __future__ import annotations

from http.client import responses

from pydantic import ValidationError
from tornado import web

from skysieve.errors import DeploymentError, SkysieveError, StreamError


class TooLateError(SkysieveError):
    """An answer did not come in time."""


class NotThereError(DeploymentError):
    """No filter of that name is deployed, or it has no such version."""


def told(error: BaseException | None, status: int) -> tuple[int, str]:
    """The status of an answer, and what it says; of what nobody foresaw only that it happened."""
    match error:
        case TooLateError():
            return 504, str(error)
        case NotThereError() | StreamError():
            return 404, str(error)
        case ValidationError():
            places = error.errors(include_input=False, include_url=False)
            return 400, "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in places)
        case SkysieveError():
            return 503, str(error)
        case web.HTTPError():
            return error.status_code, error.log_message or error.reason or responses.get(
                error.status_code, ""
            )
    return 500, f"Skysieve failed ({type(error).__name__}); the log of the Jupyter server tells where."
