"""How functions are compiled: with a cache where there can be one, and without owners."""

from __future__ import annotations

import numpy as np

from luftrom.geometry import compiling


def double(x):
    return x * 2


def test_functions_compile_where_no_cache_can_be_written(monkeypatch):
    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: (function, options)

    monkeypatch.setattr(compiling, "njit", njit)
    assert compiling.compiled(double) == (double, {"error_model": "numpy"})
    assert compiling.released(double) == (
        double, {"nogil": True, "error_model": "numpy"})


def test_a_lent_array_is_the_same_memory():
    @compiling.compiled
    def fill(array, value):
        array = compiling.lent(array)
        array[1:3] = value
        return array.sum()

    array = np.zeros(5)
    assert fill(array, 2.5) == 5.0
    assert array.tolist() == [0.0, 2.5, 2.5, 0.0, 0.0]
