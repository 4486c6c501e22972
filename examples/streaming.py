"""
More rows than fit in memory
============================

A file is read in batches, twice: once for the scaler, once for the classifier, which needs the
scaled values. ``explain_fit`` says so before anything is read. The measurements of tumours, which
come with scikit-learn, are repeated with noise until the file is large.
"""

import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.io import CSVGenerator

# %%
# The graph, and what fitting it takes
# ------------------------------------

X, malignant = sm.Input("X", columns=[f"m{i}" for i in range(30)]), sm.Target("malignant")
scaled = sm.layers.Sklearn(StandardScaler())(X, "scaled")
model = sm.layers.Sklearn(SGDClassifier(loss="log_loss", random_state=0))
pipe = sm.Pipeline([X, malignant], model(scaled, "model", y=malignant))
pipe.explain_fit()

# %%
# Files of growing size
# ---------------------
# The peak is that of Python's own memory while fitting, batch by batch of 2,000 rows.

measured, benign = load_breast_cancer(return_X_y=True)
rng = np.random.default_rng(0)
sizes, peaks, scores = (5_000, 10_000, 20_000, 40_000), [], []
with TemporaryDirectory() as folder:
    for n_rows in sizes:
        path = Path(folder) / "tumours.csv"
        chosen = rng.integers(len(measured), size=n_rows)
        noisy = measured[chosen] * rng.normal(1, 0.02, (n_rows, 30))
        header = ",".join([*(f"m{i}" for i in range(30)), "malignant"])
        rows = np.column_stack([noisy, 1 - benign[chosen]])
        np.savetxt(path, rows, "%.5g", delimiter=",", header=header, comments="")

        tracemalloc.start()
        pipe.fit_generator(CSVGenerator(path, batch_size=2_000))
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
        frame = {f"m{i}": measured[:, i] for i in range(30)}
        scores.append(np.mean(pipe.predict(frame) == 1 - benign))
        megabytes = path.stat().st_size / 1e6
        print(f"{n_rows:>6,} rows, {megabytes:4.1f} MB: peak {peaks[-1]:.1f} MB")
print(f"accuracy on the measurements without noise: {scores[-1]:.3f}")

# %%
# The file grows, and what is held of it does not.

figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
axis.plot(sizes, peaks, "o-", label="peak while fitting")
axis.plot(sizes, [n_rows * 31 * 8 / 1e6 for n_rows in sizes], "s--", label="the table at once")
axis.set(xlabel="rows", ylabel="MB", ylim=0)
axis.legend()
plt.show()
