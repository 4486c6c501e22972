"""A table in a database, streamed through a pipeline whose outputs are looked up by id.

The measurements of `sklearn.datasets.load_breast_cancer` lie in a table of an SQLite
database. They are read batch by batch, a classifier is fitted on the stream, and the probability
of each case is stored under its id. A second process, which has only the saved pipeline and the
database, looks some of them up. Takes some seconds; nothing is downloaded.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier

import skmegatron as sm

COLUMNS = ["mean radius", "mean texture", "mean concavity", "worst area", "worst smoothness"]
QUERY = """
    SELECT case_id, benign, "mean radius", "mean texture", "mean concavity",
           "worst area", "worst smoothness"
    FROM biopsies WHERE case_id % 5 <> :held_out ORDER BY case_id
"""


def fill_warehouse(path: Path) -> None:
    """Put the table into a database, as it might lie in yours."""
    data = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "benign"})
    data.insert(0, "case_id", np.arange(1000, 1000 + len(data)))
    with closing(sqlite3.connect(path)) as connection:
        data.to_sql("biopsies", connection, index=False)


def draw_pipeline(path: Path) -> sm.Pipeline:
    """Draw the graph: columns side by side, whitened, classified."""
    columns = [sm.Input(name) for name in COLUMNS]
    benign = sm.Target("benign")
    table = sm.layers.Concatenate()(columns, "table")
    white = sm.layers.Whiten()(table, "white")
    model = SGDClassifier(loss="log_loss", random_state=0)
    chance = sm.layers.Sklearn(model, method="predict_proba")(white, "chance", y=benign)
    return sm.Pipeline(
        [*columns, benign],
        [chance, white],
        name="biopsies",
        version="1",
        storage=f"sqlite:///{path}",
    )


def main() -> None:
    """Read, fit, store, and let another process look up."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.db"
        fill_warehouse(path)
        url = f"sqlite:///{path}"
        known = sm.io.SQLGenerator(url, QUERY, batch_size=64, params={"held_out": 0})
        pipe = draw_pipeline(path)
        print("How the stream will be read:")
        pipe.explain_fit(epochs=5)
        pipe.fit_generator(known, epochs=5)

        everything = sm.io.SQLGenerator(url, "SELECT * FROM biopsies", batch_size=64)
        n_rows = sum(
            len(outputs) for outputs in pipe.transform_generator(everything, index="case_id")
        )
        print(f"\n{n_rows} rows stored: {pipe.storage}")

        saved = pipe.save(folder)
        print("\nA second process looks up:", flush=True)
        subprocess.run([sys.executable, __file__, str(saved), "1000", "1019", "1020"], check=True)


def look_up(saved: str, ids: list[str]) -> None:
    """Read stored rows back, in a process that has computed nothing."""
    pipe = sm.load_pipeline(saved)
    chances = pipe.storage.read(cols="chance", rows=ids)["chance"]
    for case, chance in zip(ids, chances, strict=True):
        print(f"  case {case}: benign with probability {chance[1]:.3f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        look_up(sys.argv[1], sys.argv[2:])
    else:
        main()
