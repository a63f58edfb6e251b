"""The time that a run has."""

import math
import time


class Clock:
    """Counts the minutes of a program from its start: reading recordings and compiling count, too, since a rented
    machine costs as much meanwhile."""

    def __init__(self, minutes: float = math.inf, decay_minutes: float = 0):
        """@param minutes: until the run must stop @param decay_minutes: how many of them the learning rate falls"""
        self.begun, self.minutes, self.decay_minutes = time.monotonic(), minutes, decay_minutes

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.begun

    @property
    def is_over(self) -> bool:
        return self.seconds > 60 * self.minutes

    @property
    def left(self) -> float:
        """The share of `decay_minutes` that is left, 0 to 1; 1 without them."""
        if not self.decay_minutes or math.isinf(self.minutes):
            return 1
        return min(1, max(0, (self.minutes - self.seconds / 60) / self.decay_minutes))
