"""What to do about the failures that a server's log ends with."""

from __future__ import annotations

import re

from skysieve.home import Home

_MEMORY = (
    "Java cannot have that much memory: set $SKYSIEVE_SPARK_MEMORY (3g unless told otherwise) to less than what "
    "this machine has free, as in `SKYSIEVE_SPARK_MEMORY=2g skysieve up`."
)
_CURES = {
    "reserve enough space|[Hh]eap size|maximum heap|exceeds the maximum|insufficient memory|OutOfMemory": _MEMORY,
    "Address already in use|BindException": (
        "Another program took the port in the meantime: `skysieve up` again; where $SKYSIEVE_KAFKA_PORT or "
        "$SKYSIEVE_SPARK_PORT is set, choose another port."
    ),
    "No space left on device|Disk quota": "The disk is full: make room, or let $SKYSIEVE_HOME name a larger disk.",
    "Permission denied|AccessDenied": "Make that file or folder yours, or let $SKYSIEVE_HOME name a folder that is.",
    "UnsupportedClassVersionError": "Let $JAVA_HOME name a Java 17, 21 or 25.",
    "ClassNotFoundException|NoClassDefFoundError|NoSuchMethodError|Zip(File)?Exception|ZipError": (
        "A jar is missing or broken: remove the folder {jars}, and `skysieve up` fetches them again."
    ),
}
_ELSE = (
    "Remove the cause, then `skysieve up` again; `skysieve down` first, if parts of the session still run."
)


def cure(tail: str, home: Home) -> str:
    """What to do, judged by the end of a log.

    Examples
    --------
    >>> cure("java.net.BindException: Address already in use", Home.default())[:30]
    'Another program took the port '
    """
    advice = next((advice for pattern, advice in _CURES.items() if re.search(pattern, tail)), _ELSE)
    return advice.format(jars=home.cache / "jars")
