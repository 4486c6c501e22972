"""The arithmetic of common estimators, for few rows.

With a few rows in, scikit-learn's estimators spend nearly all their time on looking at the
input and at themselves. A kernel is an estimator's own arithmetic, on its own public
attributes, for the plainest input. It reads the attributes at every call, and where anything is
out of the ordinary it gives `NOT_PLAIN`: then the estimator's own method is called, with all
its checks, conversions, warnings and errors. So kernels change the time and nothing else.
"""

from skmegatron.layers.kernels.core import NOT_PLAIN, Kernel
from skmegatron.layers.kernels.find import kernel_of

__all__ = ["NOT_PLAIN", "Kernel", "kernel_of"]
