"""Settings of the tests of Keras layers, which need Keras and a backend.

Keras fixes its backend once per process: KERAS_BACKEND=torch chooses another than the first
that is installed.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

if importlib.util.find_spec("keras") is None:
    collect_ignore_glob = ["test_*.py"]

# Small models are compiled once, not in every run. With jax 0.4.38 a cache gave a wrong result
# once, so the library leaves it alone.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "skmegatron-jax-cache")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# The models are built by functions of a module, which other processes can import too.
sys.path.insert(0, str(Path(__file__).parent))
