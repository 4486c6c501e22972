"""The command line: ``skmegatron describe``, ``draw``, ``transform`` and ``predict``.

For people who receive a saved pipeline. `entry` is where it starts and ends; `commands` holds
what is typed, `feeding` reads the data, `writing` writes what comes out.
"""

from skmegatron.cli.entry import main

__all__ = ["main"]
