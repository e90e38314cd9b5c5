"""How functions are compiled: as parts of each other, and without owners."""

from __future__ import annotations

import numpy as np

from luftrom.geometry import compiling


def test_a_lent_array_is_the_same_memory():
    @compiling.compiled
    def fill(array, value):
        array = compiling.lent(array)
        array[1:3] = value
        return array.sum()

    array = np.zeros(5)
    assert fill(array, 2.5) == 5.0
    assert array.tolist() == [0.0, 2.5, 2.5, 0.0, 0.0]
