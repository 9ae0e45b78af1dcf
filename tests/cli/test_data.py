"""Files nobody planned for: each is read as a person would read it, or refused in one clear line."""

from pathlib import Path

import numpy as np
import pytest

from ntksym.cli.data import DATA_SETS, check_destination, load, save
from ntksym.errors import InvalidInput

X = np.array([[0.5, -1.25], [3.0, 4.0], [1e-3, 2.0]])


def written(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_npy_npz_and_csv_give_the_same_rows(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("X.npy", "X.npz", "X.csv")]
    np.save(names[0], X)
    np.savez(names[1], X)
    np.savetxt(names[2], X, delimiter=",", fmt="%.17g")
    for name in names:
        np.testing.assert_array_equal(load(name), X)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n0.5,-1.25\n3,4\n1e-3,2\n",  # column names
        "\ufeff0.5;-1.25\r\n3;4\r\n\r\n1e-3;2",  # byte order mark, semicolons, Windows line ends, no last line end
        "# measured in spring\n0.5\t-1.25\n3\t4\n.001\t2\n",
        '"0.5", "-1.25"\n"3","4"\n"0.001" , "2"\n',
    ],
)
def test_csv_files_as_people_write_them(tmp_path: Path, text: str) -> None:
    np.testing.assert_array_equal(load(written(tmp_path, "X.csv", text)), X)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no rows of numbers"),
        ("a,b\n", "no rows of numbers"),
        ("1,2\n3\n", "line 2: 1 columns where the first row has 2"),
        ("1,2\n3,\n", "line 2, column 2: '' is not a number"),
        ("1,2\n3,four\n", "line 2, column 2: 'four' is not a number"),
        ("1,2\n3,nan\n", "row 1 has nan in column 1"),
        ("1,2\n3,inf\n", "row 1 has inf in column 1"),
        ("1,2\n3,1+2j\n", "'1\\+2j' is not a number"),
        (b"\xff\xfe\x00\x01", "not a text file in UTF-8"),
        ("1,2\n" + "9" * 5000 + ",1\n", "row 1 has inf"),
    ],
)
def test_csv_files_that_are_refused(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        load(written(tmp_path, "X.csv", text))


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.arange(3.0), r"shape \(3,\), where \(rows, columns\) is needed"),
        (np.zeros((5, 8, 8)), r"reshape it to \(5, 64\)"),
        (np.zeros((0, 4)), "no data"),
        (np.zeros((4, 0)), "no data"),
        (np.zeros(()), "where"),
        (np.ones((2, 2)) * 1j, "complex128, not real numbers"),
        (np.array([["a", "b"]]), "not real numbers"),
        (np.array([[1.0, np.nan]]), "row 0 has nan in column 1"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "not real numbers"),
        (np.zeros(3, dtype=[("a", float)]), "not real numbers"),
    ],
)
def test_arrays_that_are_not_rows_of_numbers(tmp_path: Path, array: np.ndarray, complaint: str) -> None:
    np.save(tmp_path / "X.npy", array)
    with pytest.raises(InvalidInput, match=complaint):
        load(str(tmp_path / "X.npy"))


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.array([[object()]], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInput, match=r"not a file of numbers"):
        load(str(tmp_path / "X.npy"))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 broken", b"hello\n", b"cos\nsystem\n"])
@pytest.mark.parametrize("name", ["X.npy", "X.npz"])
def test_broken_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(InvalidInput, match="not a file of numbers"):
        load(written(tmp_path, name, content))


def test_an_archive_says_what_it_holds(tmp_path: Path) -> None:
    path = str(tmp_path / "many.npz")
    np.savez(path, images=X, labels=np.arange(3))
    with pytest.raises(InvalidInput, match=r"several arrays \(images, labels\); choose one with --array"):
        load(path)
    with pytest.raises(InvalidInput, match="no array 'image'"):
        load(path, array="image")
    np.testing.assert_array_equal(load(path, array="images"), X)
    np.savez(path, y=np.arange(3), X=X)
    np.testing.assert_array_equal(load(path), X)


def test_a_file_is_what_it_contains_whatever_its_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "X.npz", X)
    (tmp_path / "X.npz").rename(tmp_path / "X.npy")
    np.testing.assert_array_equal(load(str(tmp_path / "X.npy")), X)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32", ">f8", "longdouble"])
def test_any_real_number_type_becomes_float64(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "X.npy", np.asfortranarray(np.eye(3).astype(dtype)))
    result = load(str(tmp_path / "X.npy"))
    assert result.dtype == np.float64
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, np.eye(3))


def test_a_missing_file_is_an_oserror_with_its_name(tmp_path: Path) -> None:
    for name in ("X.npy", "X.npz", "X.csv"):
        with pytest.raises(FileNotFoundError) as caught:
            load(str(tmp_path / name))
        assert caught.value.filename == str(tmp_path / name)


def test_unknown_data_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInput, match=r"no data called 'digit'; did you mean 'digits'\?"):
        load("digit")
    with pytest.raises(InvalidInput, match=r"takes a .npy, .npz or .csv file, or one of breast_cancer"):
        load("rows.parquet")


@pytest.mark.parametrize("name", DATA_SETS)
def test_toy_data_sets_load(name: str) -> None:
    pytest.importorskip("sklearn")
    result = load(name, limit=20)
    assert result.shape[0] == 20
    assert np.isfinite(result).all()


def test_normalize_gives_rows_of_one_norm_even_near_the_ends_of_the_range(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.array([[3e200, 4e200], [3e-200, 4e-200], [-3.0, 4.0]]))
    result = load(str(tmp_path / "X.npy"), normalize=True)
    # |x|**2 = 2; division, square root and product round, each by eps/2 at most
    np.testing.assert_allclose((result**2).sum(axis=1), 2.0, rtol=8 * np.finfo(float).eps)
    np.testing.assert_allclose(np.abs(result[:, 0] / result[:, 1]), 0.75, rtol=4 * np.finfo(float).eps)


def test_normalize_refuses_a_zero_row(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.array([[1.0, 2.0], [0.0, 0.0]]))
    with pytest.raises(InvalidInput, match="row 1 is zero"):
        load(str(tmp_path / "X.npy"), normalize=True)


@pytest.mark.parametrize(
    ("out", "complaint"),
    [
        ("K.txt", "must end in"),
        ("K", "must end in"),
        ("nowhere/K.npy", "there is no folder nowhere"),
        ("X.npy", "itself"),
    ],
)
def test_destinations_are_checked_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", X)
    with pytest.raises(InvalidInput, match=complaint):
        check_destination(out, matrices=1, source="X.npy")


def test_two_matrices_need_an_archive(tmp_path: Path) -> None:
    check_destination(str(tmp_path / "K.npz"), matrices=2, source="digits")
    with pytest.raises(InvalidInput, match="NNGP and NTK together"):
        check_destination(str(tmp_path / "K.npy"), matrices=2, source="digits")


def test_a_folder_is_no_destination(tmp_path: Path) -> None:
    (tmp_path / "K.npy").mkdir()
    with pytest.raises(InvalidInput, match="is a folder"):
        check_destination(str(tmp_path / "K.npy"), matrices=1, source="digits")


@pytest.mark.parametrize("name", ["K.npy", "K.npz", "K.csv"])
def test_what_is_saved_comes_back_to_the_bit(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    for matrix in (X[:2] / 3.0, X[:2] / 7.0):  # the second replaces the first
        assert save(path, {"ntk": matrix}) == Path(path).stat().st_size
        np.testing.assert_array_equal(load(path), matrix)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "K.npy")
    save(path, {"ntk": X})

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(OSError, match="No space"):
        save(path, {"ntk": X * 2})
    np.testing.assert_array_equal(load(path), X)
    assert [file.name for file in tmp_path.iterdir()] == ["K.npy"]
