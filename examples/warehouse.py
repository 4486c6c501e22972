"""
A database in, a database out
=============================

The measurements of :func:`sklearn.datasets.load_breast_cancer` lie in a table of an SQLite
database. They are read batch by batch, a classifier is fitted on the stream, and the probability
of each case is stored under its id. A second process, which has only the saved pipeline and the
database, looks some of them up.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier

import skmegatron as sm

# %%
# A table as it might lie in your warehouse
# -----------------------------------------

folder = TemporaryDirectory()
path = Path(folder.name) / "warehouse.db"
url = f"sqlite:///{path}"

data = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "benign"})
data.insert(0, "case_id", np.arange(1000, 1000 + len(data)))
with closing(sqlite3.connect(path)) as connection:
    data.to_sql("biopsies", connection, index=False)

# %%
# The graph
# ---------
# Five columns side by side, whitened, classified. ``storage=`` says where outputs are kept: here
# in the database that the rows come from.

COLUMNS = ["mean radius", "mean texture", "mean concavity", "worst area", "worst smoothness"]

columns = [sm.Input(name) for name in COLUMNS]
benign = sm.Target("benign")
table = sm.layers.Concatenate()(columns, "table")
white = sm.layers.Whiten()(table, "white")
model = SGDClassifier(loss="log_loss", random_state=0)
chance = sm.layers.Sklearn(model, method="predict_proba")(white, "chance", y=benign)
pipe = sm.Pipeline([*columns, benign], [chance, white], name="biopsies", version="1", storage=url)
pipe

# %%
# A streamed fit
# --------------
# The query leaves out each fifth case, to look at afterwards. ``explain_fit`` tells how often the
# rows will be read, before any is: one pass for the means and the classes, then one per epoch.

QUERY = """
    SELECT case_id, benign, "mean radius", "mean texture", "mean concavity",
           "worst area", "worst smoothness"
    FROM biopsies WHERE case_id % 5 <> :held_out ORDER BY case_id
"""
known = sm.io.SQLGenerator(url, QUERY, batch_size=64, params={"held_out": 0})
print("How the stream will be read:")
passes = pipe.explain_fit(epochs=5)
pipe.fit_generator(known, epochs=5)

# %%
# Outputs kept
# ------------
# ``transform_generator`` writes what it gives, each row under its ``case_id``.

everything = sm.io.SQLGenerator(url, "SELECT * FROM biopsies", batch_size=64)
n_rows = sum(len(outputs) for outputs in pipe.transform_generator(everything, index="case_id"))
print(f"{n_rows} rows stored: {pipe.storage}")

# %%
# Looked up elsewhere
# -------------------
# A second process loads the pipeline, computes nothing, and reads stored rows by their ids.

LOOK_UP = """
import sys
import skmegatron as sm

pipe = sm.load_pipeline(sys.argv[1])
chances = pipe.storage.read(cols="chance", rows=sys.argv[2:])["chance"]
for case, chance in zip(sys.argv[2:], chances, strict=True):
    print(f"  case {case}: benign with probability {chance[1]:.3f}")
"""
saved = pipe.save(folder.name)
second = subprocess.run(
    [sys.executable, "-c", LOOK_UP, str(saved), "1000", "1019", "1020"],
    capture_output=True,
    text=True,
    check=True,
)
print(f"A second process looks up:\n{second.stdout}")

# %%
# The stored probabilities of the cases that the fit has not seen, by what they were:

unseen = data[data["case_id"] % 5 == 0]
stored = pipe.storage.read(cols="chance", rows=unseen["case_id"].astype(str))["chance"][:, 1]
is_benign = unseen["benign"].to_numpy() == 1
right = np.mean((stored > 0.5) == is_benign)
print(f"{len(unseen)} cases that the fit has not seen, {right:.3f} of them on the right side")

figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
axis.hist(
    [stored[~is_benign], stored[is_benign]],
    bins=np.linspace(0, 1, 21),
    stacked=True,
    label=["malignant", "benign"],
)
axis.set(xlabel="stored probability of being benign", ylabel="cases")
axis.legend()
plt.show()
folder.cleanup()
