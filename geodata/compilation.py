"""Compilation of loops by numba where it is installed (`contactline[fast]`), the same loops as Python where not."""

import importlib.util
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

HAS_NUMBA: Final = importlib.util.find_spec("numba") is not None

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function compiled by numba, kept beside its file (or where NUMBA_CACHE_DIR says); as it is without.

    Nothing is fused or reordered (no `fastmath`): floating-point operations give the bits that NumPy gives, and
    so does division by zero.
    """
    if not HAS_NUMBA:
        return function
    import numba  # noqa: PLC0415  an extra

    return cast("Function", numba.njit(cache=True, nogil=True, error_model="numpy")(function))
