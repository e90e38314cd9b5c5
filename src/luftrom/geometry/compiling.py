"""How functions are compiled: numba's decorators as this project uses them.

Compiled code is kept on disk where any cache can be written, so that it is compiled once. Nothing
is fused or reordered: results are the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


def compiled(function: Callable, **options: object) -> Callable:
    """The function compiled at its first call; `.py_func` of it is the uncompiled one.

    Dividing by zero gives infinity or no number, as in numpy; asking each time would cost a branch.
    """
    options["error_model"] = "numpy"
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:                   # numba finds no directory that it may write to
        return njit(**options)(function)


def inlined(function: Callable) -> Callable:
    """The same, put into whatever calls it: for short functions of the innermost loops."""
    return compiled(function, forceinline=True)


def released(function: Callable) -> Callable:
    """The same, and other threads run while it does: for the outermost function of long work."""
    return compiled(function, nogil=True)


@intrinsic
def lent(_, array):
    """An array without its owner, for compiled code: passing it on counts no references.

    Counting takes longer than a short function does. The caller must hold the array all the while,
    as Python does for what it passes to a compiled function.
    """
    def without_owner(context, builder, _, values):
        value = context.make_array(array)(context, builder, value=values[0])
        value.meminfo = cgutils.get_null_value(value.meminfo.type)
        value.parent = cgutils.get_null_value(value.parent.type)
        return value._getvalue()

    return array(array), without_owner


@intrinsic
def ask_ahead(_, array, offset_bytes):
    """Ask the memory for the line at an offset of an array, which will be read soon; no more.

    Many lines asked for at once come in the time of one.
    """
    def prefetch(context, builder, _, values):
        value = context.make_array(array)(context, builder, value=values[0])
        address = builder.add(builder.ptrtoint(value.data, values[1].type), values[1])
        place = builder.inttoptr(address, cgutils.voidptr_t)
        word = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, word, word, word]),
            "llvm.prefetch.p0")
        builder.call(function, [place, word(0), word(3), word(1)])   # to read, keep near, data
        return context.get_dummy_value()

    return types.void(array, types.int64), prefetch
