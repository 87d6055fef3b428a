"""Every refusal, word for word: what was wrong, what is allowed, what came."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from unittest import mock

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, rows

FUNCTIONS = [Library.topk, Library.topk_mask]
every_row = pytest.mark.parametrize("library", rows(), ids=str)
both_functions = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
RANKED = "x must have a boolean, integer or real floating-point dtype; got "
ARRAY = "x must be an array, such as numpy.asarray(x) makes; got "


@contextmanager
def refused(error: type[Exception], message: str) -> Iterator[None]:
    """Expect exactly this error with exactly this message."""
    with pytest.raises(error) as raised:
        yield
    assert type(raised.value) is error
    assert str(raised.value) == message


def matrix(library: Library) -> Any:
    return library.make(np.asarray([[3, 1, 2], [4, 6, 5]], dtype=np.int32))


Series = type("Series", (), {"__module__": "pandas.core.series", "values": [1, 2], "dtype": "int64", "ndim": 1})


@both_functions
@pytest.mark.parametrize(
    ("x", "came"),
    [
        ([1, 2, 3], "list"),
        ((1, 2), "tuple"),
        (3, "int"),
        (2.5, "float"),
        ("abc", "str"),
        (None, "None"),
        (range(3), "range"),
        (memoryview(b"abc"), "memoryview"),
        (np.float64(2.5), "numpy.float64"),
        (np.int8(2), "numpy.int8"),
        (np.bool_(True), "numpy.bool"),
        (np.datetime64("NaT", "s"), "numpy.datetime64"),
        (Series(), "pandas.Series"),
        (np.ndarray, "type"),
        ([np.zeros(3)], "list"),
    ],
)
@every_row
def test_no_array(library: Library, function: Any, x: Any, came: str) -> None:
    function = {Library.topk: xtopk.topk, Library.topk_mask: xtopk.topk_mask}[function]
    with refused(TypeError, ARRAY + came):
        function(x, 1)


@both_functions
@every_row
def test_complex(library: Library, function: Any) -> None:
    x = library.make(np.asarray([1j, 2], dtype=np.complex64))
    for k in (0, 1):
        with refused(TypeError, RANKED.replace(";", ", such as abs(x) has;") + "complex64"):
            function(library, x, k)


@pytest.mark.parametrize(
    ("x", "instead", "dtype"),
    [
        (np.asarray([1, None], dtype=object), ".astype(float)", "object"),
        (np.asarray(["ab", "c"]), ".astype(float)", "str64"),
        (np.asarray([b"ab", b"c"]), ".astype(float)", "bytes16"),
        (np.asarray([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]), "['a']", "void64"),
        (np.asarray([1.0], dtype=np.longdouble), ".astype(float)", np.dtype(np.longdouble).name),
        (np.asarray(["ab"], dtype=np.dtypes.StringDType()), ".astype(float)", "StringDType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("library", [row for row in rows() if "datetime64[s]" in row.dtypes], ids=str)
def test_dtypes_that_cannot_be_ranked(library: Library, x: Any, instead: str, dtype: str) -> None:
    if dtype == "float64":
        return  # a machine whose longdouble is no longer than a double
    message = RANKED.replace(";", f", such as x{instead} has;") + dtype
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        library.topk(library.make(x), 1)


@pytest.mark.skipif(find_spec("ml_dtypes") is None, reason="these dtypes are its; the numpy session has it")
@pytest.mark.parametrize(
    ("name", "number"), [("float8_e4m3fn", "float"), ("int4", "int"), ("uint2", "int"), ("float4_e2m1fn", "float")]
)
def test_dtypes_of_ml_dtypes_that_are_not_ranked(name: str, number: str) -> None:
    import ml_dtypes

    x = np.zeros(3, dtype=getattr(ml_dtypes, name))
    with refused(TypeError, RANKED.replace(";", f", such as x.astype({number}) has;") + name):
        xtopk.topk(x, 1)
    assert xtopk.topk(x.astype(number), 1).values == 0


def test_masked_array() -> None:
    masked = np.ma.masked_array([1, 2, 3], mask=[False, False, True])
    message = (
        "x must be an array without a mask, such as x.filled(value) makes; "
        "got numpy.ma.MaskedArray, whose mask would be lost"
    )
    for x in (masked, np.ma.masked_array([1, 2, 3]), masked.astype(float)):
        with refused(TypeError, message):
            xtopk.topk(x, 1)
        with refused(TypeError, message):
            xtopk.topk_mask(x, 0)
        with refused(TypeError, message.replace("x", "values", 1).replace("x.f", "values.f")):
            xtopk.merge_topk([(x, np.asarray([0, 1, 2]))], 1)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrix() -> None:
    x = np.matrix([[1, 2, 3]])
    with refused(TypeError, "x must be an array, such as numpy.asarray(x) makes; got numpy.matrix"):
        xtopk.topk(x, 1)


@pytest.mark.parametrize("library", rows(lazy=True), ids=str)
def test_lazy_masked_array(library: Library) -> None:
    x = library.namespace.ma.masked_array(np.asarray([1, 2, 3]), mask=[0, 0, 1])
    with pytest.raises(TypeError, match=r"^x must be an array without a mask, .* whose mask would be lost$"):
        xtopk.topk(x, 1)


@both_functions
@every_row
def test_no_axes(library: Library, function: Any) -> None:
    with refused(ValueError, "x must have at least one axis, such as x[None] has; got a 0-d array"):
        function(library, library.make(np.asarray(3, dtype=np.int32)), 0)


@both_functions
@pytest.mark.parametrize(
    ("k", "came"),
    [
        (1.0, ", such as int(k) makes; got float"),
        (True, "; got bool"),
        (np.bool_(True), "; got numpy.bool"),
        (None, "; got None"),
        ("1", ", such as int(k) makes; got str"),
        ("few", "; got str"),
        (np.float32(1), ", such as int(k) makes; got numpy.float32"),
        (1j, "; got complex"),
        ([1], "; got list"),
        (np.asarray([1, 1]), "; got numpy.ndarray"),
        (np.asarray(1.0), ", such as int(k) makes; got numpy.ndarray"),
        (np.asarray(True), "; got numpy.ndarray"),
    ],
)
@every_row
def test_k_is_no_integer(library: Library, function: Any, k: Any, came: str) -> None:
    with refused(TypeError, f"k must be an integer{came}"):
        function(library, matrix(library), k)


@every_row
def test_k_is_an_array_of_the_library_that_is_no_integer(library: Library) -> None:
    for value in (np.asarray(1.0, dtype=np.float32), np.asarray(True), np.asarray([1, 1], dtype=np.int32)):
        with pytest.raises(TypeError, match=r"^k must be an integer(, such as int\(k\) makes)?; got \w+\.\w+$"):
            library.topk(matrix(library), library.make(value))


@pytest.mark.parametrize("library", rows(transforms="jax"), ids=str)
def test_k_is_traced_by_jit(library: Library) -> None:
    jit = library.namespace.jit
    message = "k must be a static integer under jit, such as static_argnames='k' makes; got a traced value"
    for function in (xtopk.topk, xtopk.topk_mask):
        with refused(TypeError, message):
            jit(function)(matrix(library), 1)
        assert jit(function, static_argnames="k")(matrix(library), k=1) is not None


@pytest.mark.parametrize("library", rows(transforms="torch"), ids=str)
def test_k_is_traced_by_vmap(library: Library) -> None:
    torch = library.namespace
    x = matrix(library)
    with pytest.raises(TypeError, match=r"^k must be a static integer under vmap, such as in_dims=None makes; "):
        torch.vmap(lambda row, k: xtopk.topk(row, k))(x, torch.tensor([1, 2]))
    assert torch.vmap(xtopk.topk, in_dims=(0, None))(x, torch.tensor(2)).values.shape == (2, 2)


@both_functions
@pytest.mark.parametrize("k", [-1, 4, 99, 10**30, -(2**63), np.int64(-1), np.uint64(2**63)])
@every_row
def test_k_out_of_range(library: Library, function: Any, k: Any) -> None:
    with refused(ValueError, f"k must be from 0 to 3, the length of axis 1; got {int(k)}"):
        function(library, matrix(library), k)
    if k == 4:
        with refused(ValueError, "k must be from 0 to 2, the length of axis 0; got 4"):
            function(library, matrix(library), k, axis=-2)


@every_row
def test_k_out_of_range_of_nothing(library: Library) -> None:
    with refused(ValueError, "k must be from 0 to 0, the length of axis 0; got 1"):
        library.topk(library.make(np.zeros((0, 3), dtype=np.float32)), 1, axis=0)


@both_functions
@pytest.mark.parametrize(
    ("axis", "came"),
    [
        (1.0, ", such as int(axis) makes; got float"),
        (None, ", such as -1 after x.reshape(-1); got None"),
        (True, "; got bool"),
        ("rows", "; got str"),
        ((0,), ", such as -1 after x.reshape(-1); got tuple"),
        ([0, 1], ", such as -1 after x.reshape(-1); got list"),
    ],
)
@every_row
def test_axis_is_no_integer(library: Library, function: Any, axis: Any, came: str) -> None:
    with refused(TypeError, f"axis must be an integer{came}"):
        function(library, matrix(library), 1, axis)


@both_functions
@pytest.mark.parametrize("axis", [2, -3, 99, -(10**30)])
@every_row
def test_axis_out_of_range(library: Library, function: Any, axis: int) -> None:
    with refused(xtopk.AxisError, f"axis must be from -2 to 1 for an array of 2 axes; got {axis}"):
        function(library, matrix(library), 1, axis)


def test_axis_error_is_both_of_numpys() -> None:
    assert issubclass(xtopk.AxisError, ValueError)
    assert issubclass(xtopk.AxisError, IndexError)


@both_functions
@pytest.mark.parametrize("word", ["max", "Largest", "", None, 1, True, ["largest"], b"largest"])
@every_row
def test_unknown_words(library: Library, function: Any, word: Any) -> None:
    with refused(ValueError, f"mode must be 'largest' or 'smallest'; got {word!r}"):
        function(library, matrix(library), 1, mode=word)
    with refused(ValueError, f"nan must be 'last' or 'greatest'; got {word!r}"):
        function(library, matrix(library), 1, nan=word)
    with refused(ValueError, f"mode must be 'largest' or 'smallest'; got {word!r}"):
        function(library, matrix(library), 0, mode=word)


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("kind", ["coo", "csr", "nested", "jagged"])
@both_functions
@pytest.mark.parametrize("library", rows(transforms="torch"), ids=str)
@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_sparse_and_nested_tensors(library: Library, function: Any, kind: str, k: int) -> None:
    torch = library.namespace
    if kind in ("coo", "csr"):
        x = torch.eye(3).to_sparse() if kind == "coo" else torch.eye(3).to_sparse_csr()
    else:
        layout = torch.jagged if kind == "jagged" else torch.strided
        x = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=layout)
    with refused(TypeError, "x must be a dense tensor, such as x.to_dense() makes; got a sparse or nested one"):
        function(library, x, k, 0)


# What merge_topk alone refuses.


def pair(library: Library, values: Any, indices: Any) -> tuple[Any, Any]:
    index = np.asarray(indices, dtype=library.index_dtype)
    return library.make(np.asarray(values, dtype=np.int32)), library.make(index)


@every_row
def test_parts_are_no_sequence(library: Library) -> None:
    part = pair(library, [3, 1], [0, 1])
    for parts, came in ((3, "int"), (None, "None")):
        with refused(TypeError, f"parts must be a sequence of (values, indices) pairs; got {came}"):
            xtopk.merge_topk(parts, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^parts must be a sequence of \(values, indices\) pairs; got \w+\.\w+$"):
        xtopk.merge_topk(part[0], 1)
    with refused(ValueError, "parts must hold at least one (values, indices) pair; got none"):
        xtopk.merge_topk([], 0)
    for one in (part, xtopk.TopK(*part)):
        with refused(
            TypeError, "parts must be a sequence of (values, indices) pairs, such as [parts] is; got one pair"
        ):
            xtopk.merge_topk(one, 1)
    with pytest.raises(TypeError, match=r"^each of parts must be a \(values, indices\) pair; got \w+\.\w+$"):
        xtopk.merge_topk([*part], 1)
    with refused(TypeError, "each of parts must be a (values, indices) pair; got tuple"):
        xtopk.merge_topk([(part[0],)], 1)  # type: ignore[arg-type]


@every_row
def test_parts_of_what_are_no_arrays(library: Library) -> None:
    good = pair(library, [3, 1], [0, 1])
    with refused(TypeError, "values must be an array, such as numpy.asarray(values) makes; got list"):
        xtopk.merge_topk([([3, 1], [0, 1])], 1)
    with refused(TypeError, "indices must be an array, such as numpy.asarray(indices) makes; got list"):
        xtopk.merge_topk([(good[0], [0, 1])], 1)


@every_row
def test_parts_that_do_not_fit(library: Library) -> None:
    good = pair(library, [3, 1], [0, 1])
    floats = (library.make(np.asarray([3, 1], dtype=np.float32)), good[1])
    with refused(TypeError, "parts must hold values of one dtype; got int32 and float32"):
        library.merge_topk([good, floats], 1)
    with refused(TypeError, "indices must have an integer dtype; got float32"):
        library.merge_topk([(good[0], floats[0])], 1)
    with refused(
        ValueError,
        "parts must have one shape but for the length of axis 0; got (2,), and values (2,) with indices (1,)",
    ):
        library.merge_topk([(good[0], pair(library, [3], [0])[1])], 1)
    message = "parts must have one shape but for the length of axis 1; got (1, 2), and values (2, 2) with indices "
    with refused(ValueError, message + "(2, 2)"):
        library.merge_topk([pair(library, [[3, 1]], [[0, 1]]), pair(library, [[3, 1]] * 2, [[0, 1]] * 2)], 1)
    with pytest.raises(ValueError, match=r"^parts must have one shape but for the length of axis 0; got \(2,\), and "):
        library.merge_topk([good, pair(library, [[3, 1]], [[0, 1]])], 1)


@pytest.mark.parametrize("library", [row for row in rows(disguised=False) if row.requires != "numpy"], ids=str)
def test_parts_of_two_libraries(library: Library) -> None:
    ours = pair(library, [3, 1], [0, 1])
    theirs = (np.asarray([3, 1], dtype=np.int32), np.asarray([0, 1]))
    for parts in ([ours, theirs], [theirs, ours], [(ours[0], theirs[1])]):
        with pytest.raises(TypeError, match=r"^parts must hold arrays of one library; got .*numpy\.ndarray"):
            xtopk.merge_topk(parts, 1)


@every_row
def test_merge_checks_its_other_arguments(library: Library) -> None:
    parts = [pair(library, [3, 1], [0, 1]), pair(library, [2], [2])]
    with refused(ValueError, "k must be from 0 to 3, the number of candidates in parts; got 4"):
        library.merge_topk(parts, 4)
    with refused(TypeError, "k must be an integer, such as int(k) makes; got float"):
        library.merge_topk(parts, 1.5)
    with refused(xtopk.AxisError, "axis must be from -1 to 0 for an array of 1 axes; got 1"):
        library.merge_topk(parts, 1, axis=1)
    with refused(ValueError, "mode must be 'largest' or 'smallest'; got 'most'"):
        library.merge_topk(parts, 1, mode="most")
    with refused(ValueError, "nan must be 'last' or 'greatest'; got 'first'"):
        library.merge_topk(parts, 1, nan="first")
    with refused(TypeError, RANKED.replace("x", "values", 1).replace(";", ", such as abs(values) has;") + "complex64"):
        library.merge_topk([(library.make(np.asarray([1j], dtype=np.complex64)), parts[1][1])], 1)
    scalar = library.make(np.asarray(3, dtype=np.int32))
    with refused(ValueError, "values must have at least one axis, such as values[None] has; got a 0-d array"):
        library.merge_topk([(scalar, scalar)], 1)


@pytest.mark.parametrize("library", rows(transforms="jax"), ids=str)
def test_float0_does_not_pass_for_every_later_array(library: Library) -> None:
    """JAX's float0 is an ndarray of another namespace, which must not be remembered for all ndarrays."""
    jax = library.namespace
    from xtopk import _checks

    with mock.patch.dict(_checks._NAMESPACES, clear=True):
        with pytest.raises(TypeError, match="dtype; got"):
            xtopk.topk(np.zeros(3, dtype=jax.dtypes.float0), 1)
        assert isinstance(xtopk.topk(np.arange(5.0), 2).values, np.ndarray)


@every_row
def test_parts_of_two_index_dtypes(library: Library) -> None:
    values = library.make(np.asarray([3, 1], dtype=np.int32))
    wide, narrow = (library.make(np.asarray([0, 1], dtype=dtype)) for dtype in ("int32", "int16"))
    with refused(TypeError, "parts must hold indices of one dtype; got int32 and int16"):
        library.merge_topk([(values, wide), (values, narrow)], 1, 0)


@pytest.mark.parametrize("axis", [np.array([1]), np.array(True), np.array(1.0)], ids=["list", "bool", "float"])
def test_axis_is_an_odd_array(axis: Any) -> None:
    with pytest.raises(TypeError, match=r"^axis must be an integer(, such as int\(axis\) makes)?; got numpy\.ndarray$"):
        xtopk.topk(np.zeros((3, 3)), 1, axis)


def test_sparse_arrays_of_other_packages() -> None:
    """numpy.asarray would make an array of one object of them."""
    scipy_coo = type("coo_matrix", (), {"__module__": "scipy.sparse._coo", "toarray": 0, "todense": 0})
    jax_bcoo = type("BCOO", (), {"__module__": "jax.experimental.sparse.bcoo", "todense": 0})
    with refused(TypeError, "x must be an array, such as x.toarray() makes; got scipy.coo_matrix"):
        xtopk.topk(scipy_coo(), 1)
    with refused(TypeError, "x must be an array, such as x.todense() makes; got jax.BCOO"):
        xtopk.topk(jax_bcoo(), 1)


def test_xarray() -> None:
    array = type("DataArray", (), {"__module__": "xarray.core.dataarray", "dims": ("x",), "data": 0})
    with refused(TypeError, "x must be an array, such as x.data is; got xarray.DataArray"):
        xtopk.topk(array(), 1)


@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False), ids=str)
def test_float8_of_torch(library: Library) -> None:
    x = library.namespace.zeros(3).to(library.namespace.float8_e4m3fn)
    with refused(TypeError, RANKED.replace(";", ", such as x.float() has;") + "float8_e4m3fn"):
        xtopk.topk(x, 1)
    assert xtopk.topk(x.float(), 1).values == 0


def test_a_layout_that_is_not_torchs_is_no_reason() -> None:
    """JAX's arrays had one; what counts is whether the elements are all there."""
    array = type("Array", (np.ndarray,), {"layout": "row-major"})
    assert xtopk.topk(np.arange(3).view(array), 1).values == 2


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((), {"largest": False}, "unexpected keyword argument 'largest'"),
        ((), {"dim": 0}, "unexpected keyword argument 'dim'"),
        ((0, "smallest"), {}, "takes from 2 to 3 positional arguments but 4 were given"),
        ((0, False, True), {}, "takes from 2 to 3 positional arguments but 5 were given"),
    ],
)
def test_words_of_other_libraries_are_refused_by_python(arguments: Any, options: Any, words: str) -> None:
    """torch's ``topk(x, k, dim, largest, sorted)`` is not taken for something else."""
    with pytest.raises(TypeError, match=words):
        xtopk.topk(np.zeros(3), 1, *arguments, **options)
