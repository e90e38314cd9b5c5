"""How functions are compiled: numba's decorators as this project uses them.

A function is compiled twice. What Python calls is compiled with all that it calls as one program,
optimised once, and kept on disk (`kernel_cache`). What compiled functions call is a part of them:
it is translated once, but neither optimised nor made machine code for itself, which took most of
the time that compiling took. Nothing is fused or reordered: results are the same bits on every
machine.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core import cgutils, typing
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, CompileResult, DefaultPassBuilder
from numba.core.dispatcher import _FunctionCompiler
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic

from luftrom.geometry.kernel_cache import FunctionCache, kept

_PACKAGE = __name__.partition(".")[0]


class _PartLibrary(JITCodeLibrary):
    """The code of a part: linked into whatever calls it, where all is optimised together."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True             # and it is never handed to the machine code's maker


class _PartCompiler(CompilerBase):
    """Translates a function for compiled callers only."""

    def define_pipelines(self):
        flags = self.state.flags
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        self.state.library = _PartLibrary(self.state.targetctx.codegen(),
                                          self.state.func_id.func_qualname)
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


class Compiled(CPUDispatcher):
    """A function that is compiled at its first call, by its callers' types.

    Compiled callers get it as a part. A number or a truth that stands in the call is for them like
    any other of its type, or each would have the function compiled for itself.
    """

    def __init__(self, py_func, locals=None, targetoptions=None,  # noqa: A002 - as numba has it
                 **more):
        super().__init__(py_func, locals, targetoptions, **more)
        self._parts: dict[tuple[types.Type, ...], CompileResult] = {}
        self._part_compiler = _FunctionCompiler(py_func, self.targetdescr, self.targetoptions,
                                                self.locals, _PartCompiler)

    def get_call_template(self, args, kws):
        """What numba asks when a compiled function calls this one: its signatures."""
        pysig, args = self._compiler.fold_argument_types(args, kws)
        asked = tuple(map(types.unliteral, args))
        if asked not in self._parts:
            part = self._part_compiler.compile(asked, None)
            self.targetctx.insert_user_function(self._key(asked), part.fndesc, [part.library])
            self._parts[asked] = part
        name = self.py_func.__name__
        template = typing.make_concrete_template(
            name, key=name, signatures=[part.signature for part in self._parts.values()])
        return template, pysig, args, {}

    def get_overload(self, sig):
        """What numba asks when it lowers that call: the key of the part."""
        return self._key(tuple(sig))

    def _key(self, args):
        return self, args

    def add_overload(self, cres):
        """Take what was compiled for Python; the constants of all its parts are made known to it.

        What comes from the cache knows them already.
        """
        if cres.referenced_envs is None:
            for environment in cres._find_referenced_environments():
                cres.codegen.set_env(environment.env_name, environment)
        super().add_overload(cres)


def compiled(function: Callable, **options: object) -> Callable:
    """The function compiled at its first call; `.py_func` of it is the uncompiled one.

    Dividing by zero gives infinity or no number, as in numpy; asking each time would cost a branch.
    """
    options |= {"nopython": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    made = Compiled(function, targetoptions=options)
    # The digest in the cache's name says nothing of other sources, or of what a closure holds.
    if function.__module__.startswith(f"{_PACKAGE}.") and not function.__closure__:
        made._cache = FunctionCache(kept, function, repr(sorted(options.items())))
    return made


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
