"""
Windows over time
=================

What comes next is guessed from the moments before. ``TimeSeries`` gives each row the rows before
it, in one piece or batch by batch. The data are ten seconds of an EEG, four channels and 800
moments, which come with matplotlib.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

import skmegatron as sm

with get_sample_data("eeg.dat") as file:
    eeg = np.frombuffer(file.read()).reshape(800, 4)
eeg = (eeg - eeg[:600].mean(axis=0)) / eeg[:600].std(axis=0)

figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
axis.plot(np.arange(800) / 80, eeg + 6 * np.arange(4), linewidth=0.8)
axis.axvspan(7.5, 10, alpha=0.15)
axis.set(xlabel="seconds; the shaded part is for the test", yticks=[], ylabel="channels")
plt.show()

# %%
# The graph
# ---------
# A window of eight moments of four channels becomes 32 columns.


def draw(window: int) -> sm.Pipeline:
    """Draw a forecast from the last moments of all channels."""
    channels, later = sm.Input("channels", shape=(4,)), sm.Target("later")
    windows = sm.layers.TimeSeries(window)(channels, "windows")
    columns = sm.layers.Flatten()(windows, "columns")
    return sm.Pipeline([channels, later], sm.layers.Sklearn(Ridge())(columns, "model", y=later))


draw(8)

# %%
# How far, and from how much
# --------------------------
# The first channel is forecast one to eight moments ahead. The model learns from the first 7.5
# seconds. All rows are predicted, so that the windows of the test reach back as they would in
# practice; only the last 2.5 seconds count. The baselines are "as it is now" and the mean, which
# is 0 on this scale. A score of 1 is perfect, and one of 0 no better than a constant.

ahead = range(1, 9)
scores = {f"window of {window}": [] for window in (2, 8, 32)}
scores["as it is now"] = []
for steps in ahead:
    now, later = eeg[:-steps], eeg[steps:, 0]
    known, asked = slice(0, 600 - steps), slice(600, None)
    for window in (2, 8, 32):
        pipe = draw(window).fit(now[known], later[known])
        guesses = pipe.predict(now)
        scores[f"window of {window}"].append(r2_score(later[asked], guesses[asked]))
    scores["as it is now"].append(r2_score(later[asked], now[asked, 0]))
for name, score in scores.items():
    print(f"{name:14}", "  ".join(f"{one:5.2f}" for one in score))

# %%
# One moment, an eightieth of a second, is foreseen in good part; from the fourth on nothing is. A
# longer window is no better here. This is one short record of one person, so what is best
# elsewhere is an open question.

figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, score in scores.items():
    axis.plot(ahead, score, "o--" if name == "as it is now" else "o-", label=name)
axis.axhline(0, color="black", linewidth=0.8)
axis.set(xlabel="moments ahead", ylabel="R2 on the last 2.5 seconds", ylim=(-1, 1))
axis.legend()
plt.show()

# %%
# Batch by batch
# --------------
# A stream is cut into batches, and windows reach across the cuts: what they need of the batch
# before belongs to the run, not to the pipeline.

pipe = draw(8).fit(eeg[:599], eeg[1:600, 0])
whole = pipe.predict(eeg)
pieces = np.concatenate(list(pipe.transform_generator(np.array_split(eeg, 37))))
print(f"largest difference between 37 batches and the whole: {np.abs(pieces - whole).max():.1e}")

figure, axis = plt.subplots(figsize=(9, 2.8), layout="constrained")
seconds = np.arange(600, 799) / 80
axis.plot(seconds, eeg[601:, 0], label="what came", linewidth=1)
axis.plot(seconds, pieces[600:-1], label="forecast one moment before", linewidth=1)
axis.set(xlabel="seconds")
axis.legend()
plt.show()
