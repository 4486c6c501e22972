"""``python -m skmegatron``: the command line."""

import sys

from skmegatron.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
