"""How functions are compiled: as parts of each other, and without owners."""

from __future__ import annotations

import numpy as np
import pytest

from luftrom.geometry import compiling


@compiling.compiled
def scaled(values, k, factor):
    if k >= len(values):
        raise IndexError("beyond the last value")
    return values[k] * factor


@compiling.compiled
def first_and(values, k):
    return scaled(values, 0, 2.0) + scaled(values, k, 3.0)


@compiling.inlined
def half(x):
    return x * 0.5


@compiling.released
def quarter(x):
    return half(half(x))


def test_a_part_is_translated_once_for_its_types_and_not_for_literals():
    values = np.array([1.0, 10.0])
    assert first_and(values, 1) == 32.0
    assert len(scaled._parts) == 1 and not scaled.overloads
    assert scaled(values, 1, 0.5) == 5.0   # what Python calls is compiled for it
    assert len(scaled.overloads) == 1 and len(first_and.overloads) == 1
    assert first_and.py_func(values, 1) == 32.0


def test_what_a_part_raises_reaches_the_caller():
    with pytest.raises(IndexError, match="beyond the last value"):
        first_and(np.zeros(1), 5)


def test_a_part_takes_the_types_that_it_is_called_with():
    assert first_and(np.array([1, 10], np.int32), 1) == 32.0
    assert {str(types[0].dtype) for types in scaled._parts} >= {"int32"}


def test_the_other_two_ways_of_compiling():
    assert quarter(8.0) == 2.0 and half(8.0) == 4.0
    assert quarter.targetoptions["nogil"] and half.targetoptions["forceinline"]


def test_what_is_not_of_the_package_is_not_kept():
    assert quarter.stats.cache_path is None


def test_a_lent_array_is_the_same_memory():
    @compiling.compiled
    def fill(array, value):
        array = compiling.lent(array)
        array[1:3] = value
        return array.sum()

    array = np.zeros(5)
    assert fill(array, 2.5) == 5.0
    assert array.tolist() == [0.0, 2.5, 2.5, 0.0, 0.0]
