"""Classifiers: trained models (ONNX) that say how probable it is that an alert is of each class."""

from __future__ import annotations

import hashlib
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from skysieve.enrich.base import Enrichment, Given, register
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.packets.columns import Columns
from skysieve.packets.formats import Places

_INSTALL = "pip install 'skysieve[classify]', here and where Spark's Python workers run"


@register
class Classifier(Enrichment):
    """Probabilities by a model in ONNX, which scikit-learn (``skl2onnx``), XGBoost, PyTorch and others can write.

    It gives ``best`` (the most probable class), ``score`` (its probability), and one column per class, ``p_CLASS``. A
    missing feature is NaN to the model. The model is kept by its content, and loaded once per worker.

    Parameters
    ----------
    model
        An ``.onnx`` file with one input, of shape (alerts, features), that gives probabilities, (alerts, classes).
    features
        Columns of the stream, in the order of the model's input.
    classes
        Names of the classes, in the order of the model's output.

    Examples
    --------
    >>> [one.name for one in Classifier("sn.onnx", features=["snr"], classes=["SN Ia", "other"]).gives()]
    ['best', 'score', 'p_SN_Ia', 'p_other']
    """

    kind: ClassVar[str] = "classifier"

    source: str
    features: tuple[str, ...]
    classes: tuple[str, ...]
    digest: str = ""

    def __init__(self, model: Any = None, features: Any = (), classes: Any = (), **more: Any) -> None:
        if model is not None:
            more.setdefault("source", str(model))
        super().__init__(**{"features": tuple(features), "classes": tuple(classes), **more})
        if not self.features or len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise EnrichmentError(
                "A classifier needs features=[…], and classes=[…] of at least two different names."
            )

    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, its features found among the columns, its model tried once and in the store."""
        path = Path(self.source).expanduser()
        if not path.is_file():
            raise EnrichmentError(f"There is no model {path}.")
        reads = []
        for name in self.features:
            column = columns.resolve(name)
            if not column.is_scalar:
                raise EnrichmentError(f"The feature {name!r} is {column.name}, which is no number.")
            reads.append(column.name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]

        def write(folder: Path) -> None:
            shutil.copy(path, folder / "model.onnx")

        where = store.put(write)
        found = self.model_copy(update={"reads": tuple(reads), "index": str(where), "digest": digest})
        found.probabilities(np.zeros((2, len(reads)), dtype=np.float32))
        return found

    def gives(self) -> tuple[Given, ...]:
        """The best class, its probability, and all probabilities."""
        names = ("".join(c if c.isalnum() else "_" for c in name) for name in self.classes)
        return (
            Given(name="best", type="string", description="Most probable class"),
            Given(name="score", type="double", description="Its probability"),
            *(
                Given(name=f"p_{name}", type="double", description=f"Probability of {label}")
                for name, label in zip(names, self.classes, strict=True)
            ),
        )

    def made_of(self) -> str:
        """The model and the mark of its content."""
        return f"{Path(self.source).name}, {self.digest or 'not read yet'}"

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """Judge a batch."""
        columns = [a.cast(pa.float32()).fill_null(np.nan).to_numpy(zero_copy_only=False) for a in arrays]
        p = self.probabilities(np.column_stack(columns).astype(np.float32))
        best = p.argmax(axis=1)
        names = np.array(self.classes, dtype=object)[best]
        values = [pa.array(names, pa.string()), pa.array(p.max(axis=1).astype(float))]
        values += [pa.array(column.astype(float)) for column in p.T]
        return pa.StructArray.from_arrays(values, [one.name for one in self.gives()])

    def probabilities(self, features: Any) -> Any:
        """What the model says, of shape (alerts, classes).

        Raises
        ------
        EnrichmentError
            If it cannot be asked so.
        """
        if not len(features):
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        session = _model(self.index)
        (given, *others) = session.get_inputs()
        if others:
            raise EnrichmentError(f"The model {self.source} has {1 + len(others)} inputs; it may have one.")
        try:
            outputs = session.run(None, {given.name: features})
        except Exception as error:  # the runtime's errors have no class of their own
            raise EnrichmentError(
                f"The model {self.source} does not take {features.shape[1]} features: {str(error)[:200]}"
            ) from None
        for output in reversed(outputs):
            if isinstance(output, np.ndarray) and output.shape == (len(features), len(self.classes)):
                return output
        shapes = ", ".join(str(getattr(o, "shape", type(o).__name__)) for o in outputs)
        raise EnrichmentError(
            f"The model {self.source} gives no probabilities of {len(self.classes)} classes, only {shapes}. Of "
            "scikit-learn, convert it with options={'zipmap': False}."
        )


@lru_cache(maxsize=16)
def _model(index: str) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise EnrichmentError(f"Classifiers need onnxruntime: {_INSTALL}.") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # Spark runs one worker per core
    try:
        return onnxruntime.InferenceSession(
            f"{index}/model.onnx", options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # as above
        raise EnrichmentError(
            f"The model in {index} is no ONNX that can be run: {str(error)[:200]}"
        ) from None
