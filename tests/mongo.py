"""What MongoDB makes of a pipeline over one document, by its manual: the stages and operators that filters have."""

import math
import operator

MISSING = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
_KINDS = [type(MISSING), type(None), (int, float), str]
_ORDERS = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class MongoError(Exception):
    """The whole aggregation fails."""


def passes(pipeline, document):
    """Whether a document comes out of a pipeline."""
    for stage in pipeline:
        ((name, body),) = stage.items()
        if name == "$match" and not matches(body, document):
            return False
        if name == "$project":
            document = _projected(body, document)
        if name in {"$addFields", "$set"}:
            document = _with(document, {path: value(one, document) for path, one in body.items()})
    return True


def matches(query, document):
    """Whether a document matches a query."""
    return all(_holds(key, asked, document) for key, asked in query.items())


def _holds(key, asked, document):
    if key == "$and":
        return all(matches(one, document) for one in asked)
    if key == "$or":
        return any(matches(one, document) for one in asked)
    if key == "$nor":
        return not any(matches(one, document) for one in asked)
    if key == "$expr":
        return _true(value(asked, document))
    return _asked(_at(document, key), asked)


def _asked(found, asked):
    if not isinstance(asked, dict):
        asked = {"$eq": asked}
    return all(_asked_by(name, found, operand) for name, operand in asked.items())


def _asked_by(name, found, operand):
    if name == "$not":
        return not _asked(found, operand)
    if name == "$exists":
        return (found is not MISSING) == operand
    if name in {"$in", "$nin"}:
        return any(_asked_by("$eq", found, one) for one in operand) == (name == "$in")
    if name == "$ne":
        return not _asked_by("$eq", found, operand)
    found = None if found is MISSING else found
    return _kind(found) == _kind(operand) and _ORDERS[name](_kind_and(found), _kind_and(operand))


def value(expression, document):
    """The value of an expression of an aggregation."""
    if isinstance(expression, str) and expression.startswith("$"):
        return _at(document, expression[1:])
    if not isinstance(expression, dict):
        return expression
    ((name, operand),) = expression.items()
    if name == "$literal":
        return operand
    if name == "$cond":
        asked, yes, no = operand.values() if isinstance(operand, dict) else operand
        return value(yes if _true(value(asked, document)) else no, document)
    if name == "$in":
        return value(operand[0], document) in operand[1]
    values = [value(one, document) for one in (operand if isinstance(operand, list) else [operand])]
    if name in _ORDERS:
        return _ORDERS[name](*map(_kind_and, values))
    if name == "$and":
        return all(map(_true, values))
    if name == "$or":
        return any(map(_true, values))
    if name == "$not":
        return not _true(values[0])
    if name == "$ifNull":
        return values[1] if values[0] is MISSING or values[0] is None else values[0]
    if any(one is MISSING or one is None for one in values):
        return None
    return _reckoned(name, values)


def _reckoned(name, values):
    if (name == "$divide" and values[1] == 0) or (name in {"$ln", "$log10"} and values[0] <= 0):
        raise MongoError
    functions = {
        "$add": sum,
        "$multiply": math.prod,
        "$subtract": lambda two: two[0] - two[1],
        "$divide": lambda two: two[0] / two[1],
        "$abs": lambda one: abs(one[0]),
        "$ln": lambda one: math.log(one[0]),
        "$log10": lambda one: math.log10(one[0]),
    }
    return functions[name](values)


def _kind(found):
    if isinstance(found, bool):
        return len(_KINDS)
    return next(rank for rank, kind in enumerate(_KINDS) if isinstance(found, kind))


def _kind_and(found):
    return (_kind(found), 0 if found is MISSING or found is None else found)


def _true(found):
    return found is not MISSING and bool(found)


def _at(document, path):
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return MISSING
        document = document[name]
    return document


def _projected(body, document):
    kept = {path: _at(document, path) if one == 1 else value(one, document) for path, one in body.items()}
    return _with({}, kept)


def _with(document, values):
    made = {key: dict(one) if isinstance(one, dict) else one for key, one in document.items()}
    for path, found in values.items():
        record, _, name = path.rpartition(".")
        if found is not MISSING:
            (made.setdefault(record, {}) if record else made)[name] = found
    return made
