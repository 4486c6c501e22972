"""What a cache takes to put and get, measured while it works.

Small entries tell what a call takes, large ones what a byte takes. Each measurement moves the
estimate by a fifth, so a slow disk shows after a few entries and one hiccup is forgotten.
Estimates are plain floats: a thread that reads while another one measures sees one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

_SMALL = 64 * 1024
_WEIGHT = 0.2


@dataclass
class Pace:
    """How fast one direction is.

    Parameters
    ----------
    call : float
        Seconds that an entry takes however small it is.
    byte : float
        Seconds that each byte adds.
    """

    call: float
    byte: float

    def measured(self, n_bytes: int, seconds: float) -> None:
        """Take in what one entry took.

        Parameters
        ----------
        n_bytes : int
        seconds : float
        """
        if n_bytes < _SMALL:
            self.call += _WEIGHT * (seconds - self.call)
        else:
            self.byte += _WEIGHT * (max(seconds - self.call, 0.0) / n_bytes - self.byte)


@dataclass
class Speed:
    """How fast a cache is.

    Parameters
    ----------
    put, get : Pace
        The first guess.

    Examples
    --------
    >>> from skmegatron.io.caching.speed import Pace, Speed
    >>> speed = Speed(put=Pace(0.1, 0.0), get=Pace(0.2, 0.5))
    >>> round(speed.cost(10), 3)
    5.3
    >>> speed.get.measured(n_bytes=8, seconds=0.7)
    >>> round(speed.cost(10), 3)
    5.4
    """

    put: Pace
    get: Pace

    def cost(self, n_bytes: int) -> float:
        """Tell how many seconds it will take to put an entry and get it once.

        Parameters
        ----------
        n_bytes : int

        Returns
        -------
        float
        """
        put, get = self.put, self.get
        return put.call + get.call + n_bytes * (put.byte + get.byte)
