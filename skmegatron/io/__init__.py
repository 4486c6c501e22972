"""Data in and out; knows nothing of graphs."""

from skmegatron.io.dataset import CSVData, Dataset, PandasData, ParquetData, SQLData
from skmegatron.io.generator import (
    CSVGenerator,
    PandasGenerator,
    ParquetGenerator,
    SQLGenerator,
)

__all__ = [
    "CSVData",
    "CSVGenerator",
    "Dataset",
    "PandasData",
    "PandasGenerator",
    "ParquetData",
    "ParquetGenerator",
    "SQLData",
    "SQLGenerator",
]
