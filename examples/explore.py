"""
Looking at the data in the graph
================================

Explorers are called on nodes like layers, before or after any step, and metrics measure what the
graph predicts. Neither takes part in fitting or predicting: ``explore`` runs the ones,
``evaluate`` the others. The data are the wines of :func:`sklearn.datasets.load_wine`: three
cultivars, thirteen measurements.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import skmegatron as sm

wines, cultivar = load_wine(return_X_y=True, as_frame=True)
train, test, known, asked = train_test_split(wines, cultivar, stratify=cultivar, random_state=0)

# %%
# The graph
# ---------
# Two explorers look at the table as it comes in, one at what a step makes of it. Any function of
# true and predicted labels is a metric, one that gives a matrix too.

table, grown = sm.Input("table", shape=(None,)), sm.Target("cultivar")
scaled = sm.layers.Sklearn(StandardScaler())(table, "scaled")
main = sm.layers.Sklearn(PCA(2))(scaled, "main")
guess = sm.layers.Sklearn(LogisticRegression())(main, "guess", y=grown)

numbers = sm.layers.Describe()(table, "numbers")
together = sm.layers.Correlate(method="spearman")(table, "together")
spread = sm.layers.Histogram(bins=20)(main, "spread")
accuracy = sm.metrics.Accuracy()([grown, guess], "accuracy")
confusion = sm.metrics.Metric(confusion_matrix)([grown, guess], "confusion")

pipe = sm.Pipeline([table, grown], guess)
pipe.fit(train, known)

# %%
# Tables
# ------
# ``Describe`` looks at each column. Proline is counted in hundreds and the hue in tenths: without
# the scaler, the main components would be those of proline alone.

found = pipe.explore(train)
print(found["numbers"][["mean", "std", "min", "max"]].round(2))

# %%
# ``Correlate`` looks at pairs; here by ranks.

names, values = list(found["together"]), found["together"].to_numpy()
figure, axis = plt.subplots(figsize=(7, 5.6), layout="constrained")
picture = axis.imshow(values, vmin=-1, vmax=1, cmap="RdBu_r")
axis.set_xticks(range(len(names)), names, rotation=90)
axis.set_yticks(range(len(names)), names)
figure.colorbar(picture, label="rank correlation")
plt.show()

# %%
# Pictures
# --------
# ``Histogram`` gives a figure of its own, which ``display`` shows in a notebook. Here its counts
# are of the two components that the classifier reads. The first one dips where one cultivar
# ends and another begins.

print(f"{found['spread']} with {len(found['spread'].axes)} panels")
main_values = pipe.transform(train, outputs="main")
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for column, axis in enumerate(axes):
    cultivars = [main_values[known == one, column] for one in range(3)]
    axis.hist(cultivars, bins=20, stacked=True, label=["cultivar 0", "1", "2"])
    axis.set(xlabel=f"component {column}", ylabel="wines")
axes[0].legend()
plt.show()

# %%
# Measured
# --------
# ``evaluate`` gives every metric by its name, on wines that the fit has not seen. There are 45 of
# them, so one wine is two hundredths of the accuracy.

scores = pipe.evaluate(test, asked)
print(f"accuracy {scores['accuracy']:.3f} of {len(test)} wines")

figure, axis = plt.subplots(figsize=(4, 3.4), layout="constrained")
ConfusionMatrixDisplay(scores["confusion"]).plot(ax=axis, cmap="Blues", colorbar=False)
plt.show()
print(f"{np.trace(scores['confusion'])} on the diagonal")
