"""How well a filter does on alerts whose class is known: completeness, purity, and what each cut does to each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from skysieve.errors import StreamError, nearest
from skysieve.intervals import wilson

Labels = pd.Series | pd.DataFrame | Mapping[Any, str]
"""Class of each alert or object, by its id."""


@dataclass(frozen=True)
class Labelled:
    """What a filter makes of each class of alert.

    Alerts without a label are left out of every number here, and counted.

    Attributes
    ----------
    classes
        One row per class: ``class``, ``alerts`` (of it, read), ``passed``; ``completeness`` = passed / alerts, the
        part of the class that the filter finds; ``purity`` = passed / all labelled alerts that passed, the part
        that the class has in what is found; each with ``_low`` and ``_high``, the ends of its 95 % interval
        (Wilson's). NaN where nothing can be divided by.
    cuts
        One row per cut and class: ``cut``, ``class``, ``passes`` (the cut alone), ``removes`` (NULL included),
        ``null``, ``only_this`` (alerts of the class that this cut alone removes).
    by
        The column by which labels and alerts were put together.
    unlabelled, unlabelled_passed
        Number of alerts read without a label, and of those that passed.
    """

    classes: pd.DataFrame
    cuts: pd.DataFrame = field(repr=False)
    by: str
    unlabelled: int
    unlabelled_passed: int

    def _repr_html_(self) -> str:
        html = self.classes.to_html(index=False, float_format="{:.3f}".format, na_rep="—")
        return f"{html}<p>{self._note}</p>"

    def __str__(self) -> str:
        table = self.classes.to_string(index=False, float_format="{:.3f}".format, na_rep="—")
        return f"{table}\n{self._note}"

    @property
    def _note(self) -> str:
        return (
            f"{self.unlabelled:,} alerts read have no label; {self.unlabelled_passed:,} of them passed. "
            "Intervals are 95 % (Wilson)."
        )


def of_column(alerts: pd.DataFrame, name: str) -> pd.Series[Any]:
    """The classes that a column says; raises StreamError where it was not read."""
    if name not in alerts:
        raise StreamError(
            f"No column {name!r} was read: let the filter use it.{nearest(name, map(str, alerts))}"
        )
    return alerts[name].map(str, na_action="ignore")


def labelled(classes: pd.Series[Any], says: pd.DataFrame, cuts: list[str], by: str) -> Labelled:
    """Count classes and verdicts together.

    Parameters
    ----------
    classes
        Class of each alert, missing where it has none.
    says
        What each cut says of each alert (NULL included), in the same rows.
    cuts
        Texts of the cuts.
    by
        What the labels were found by.

    Examples
    --------
    >>> classes = pd.Series(["SN", "SN", "AGN", None])
    >>> says = pd.DataFrame({"cut0": [True, False, True, True]})
    >>> labelled(classes, says, ["snr > 5"], "id").classes[["class", "completeness", "purity"]]
      class  completeness  purity
    0   AGN           1.0     0.5
    1    SN           0.5     0.5
    """
    yes = says.fillna(value=False).astype(bool)
    passes, known = yes.all(axis=1), classes.notna()
    found = int((passes & known).sum())
    by_class, by_cut = [], []
    names = sorted(classes[known].unique())
    for name in names:
        its = (classes == name).fillna(value=False).astype(bool)
        alerts, passed = int(its.sum()), int((its & passes).sum())
        row: dict[str, Any] = {"class": name, "alerts": alerts, "passed": passed}
        for what, whole in (("completeness", alerts), ("purity", found)):
            low, high = wilson(passed, whole)
            row |= {what: passed / whole if whole else float("nan"), f"{what}_low": low, f"{what}_high": high}
        by_class.append(row)
    for i, cut in enumerate(cuts):
        one, others = yes.iloc[:, i], yes.drop(columns=yes.columns[i]).all(axis=1)
        for name in names:
            its = (classes == name).fillna(value=False).astype(bool)
            by_cut.append(
                {
                    "cut": cut,
                    "class": name,
                    "passes": int((its & one).sum()),
                    "removes": int((its & ~one).sum()),
                    "null": int((its & says.iloc[:, i].isna()).sum()),
                    "only_this": int((its & others & ~one).sum()),
                }
            )
    columns = [f"{what}{end}" for what in ("completeness", "purity") for end in ("", "_low", "_high")]
    return Labelled(
        pd.DataFrame(by_class, columns=["class", "alerts", "passed", *columns]),
        pd.DataFrame(by_cut, columns=["cut", "class", "passes", "removes", "null", "only_this"]),
        by,
        int((~known).sum()),
        int((~known & passes).sum()),
    )


def matched(labels: Labels, table: pd.DataFrame, ids: tuple[str, ...]) -> tuple[pd.Series[Any], str]:
    """The class of each alert of a table, and the column by which it was found.

    Of the columns that could hold the ids, the one is taken in which most labels are found, so that a table of objects
    and one of alerts both work. Ids are compared as texts: exact, whether they are integers or strings.

    Parameters
    ----------
    labels
        A Series or mapping from id to class, or a DataFrame whose first two columns are these.
    table
        The alerts.
    ids
        Its columns of ids: of the alert, of its object.

    Raises
    ------
    StreamError
        If no label is of an alert in the table, ids have lost digits, or one has two classes.
    """
    by_id = _by_id(labels)
    found: dict[str, pd.Series[Any]] = {
        name: table[name].astype("string").map(by_id.to_dict()) for name in ids if name in table
    }
    best = max(found, key=lambda name: int(found[name].notna().sum()), default=None)
    if best is None or not found[best].notna().any():
        looked = " and ".join(found) or "no column"
        raise StreamError(
            f"None of the {len(by_id):,} labels is of one of the {len(table):,} alerts read (looked in {looked}). "
            "Are they ids of alerts or objects of this stream? Read more of it, or ids= those that are labelled."
        )
    return found[best].astype(object), best


def _by_id(labels: Labels) -> pd.Series[Any]:
    if isinstance(labels, pd.DataFrame):
        if labels.shape[1] < 2:
            raise StreamError("A table of labels has two columns: the id and the class.")
        labels = pd.Series(labels.iloc[:, 1].to_numpy(), index=pd.Index(labels.iloc[:, 0]))
    elif isinstance(labels, Mapping):
        labels = pd.Series(list(labels.values()), index=pd.Index(list(labels)))
    if pd.api.types.is_float_dtype(labels.index.dtype):
        raise StreamError(
            "The labels' ids are floats, which lose digits of long ids: read them as Int64 or str."
        )
    labels = labels[labels.index.notna()].dropna()
    labels.index = labels.index.astype(str)
    several = labels.groupby(level=0).nunique()
    if (several > 1).any():
        raise StreamError(f"Id {several[several > 1].index[0]} has more than one class among the labels.")
    return labels[~labels.index.duplicated()]
