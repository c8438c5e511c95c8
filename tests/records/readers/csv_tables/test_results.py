from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.csv_tables import table as csv_table
from perceptron.records.readers.csv_tables.results import read_csv
from perceptron.records.readers.shared.reading import NOT_ASKED_FOR, ReadingNotes, ReadRequest
from perceptron.records.readers.table import load_measurements

FILE = Path("table.csv")
HEADER = "case,size,backend,seconds\n"


def rows_of(
    text: str | bytes,
    separator: str | None = None,
    families: tuple[str, ...] = (),
    notes: ReadingNotes | None = None,
) -> list[Measurement]:
    content = text.encode() if isinstance(text, str) else text
    request = ReadRequest(separator=separator, families=families)
    rows = read_csv(FILE, io.BytesIO(content), request, notes or ReadingNotes())
    return [foreign.row for foreign in rows]


def complaint_about(text: str | bytes, separator: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        rows_of(text, separator)
    message = str(caught.value)
    assert message.startswith("table.csv")
    assert "\n" not in message
    return message


def test_every_column_fills_its_field() -> None:
    (row,) = rows_of(
        "case,size,backend,device,seconds,stdev,dtype,machine,threads\n"
        "svd,1e3,lapack,CPU,2.5e-3,1e-4,float32,box,4\n"
    )
    assert (row.source, row.family, row.size, row.backend) == ("csv", "svd", 1000, "lapack")
    assert (row.device, row.dtype, row.machine, row.threads) == ("cpu", "float32", "box", 4)
    assert (row.seconds, row.stdev, row.status) == (2.5e-3, 1e-4, "ok")
    assert isinstance(row.size, int), "1e3 and 1000 of two files are one size"


def test_files_without_a_machine_are_of_one_machine() -> None:
    """Else two files of one author could not be compared."""
    (row,) = rows_of(HEADER + "svd,10,lapack,1\n")
    assert row.machine == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffcase,size,backend,seconds\r\nsvd,10,lapack,0.5\r\n",
        "case;size;backend;seconds\nsvd;10;lapack;0.5",
        "case\tsize\tbackend\tseconds\nsvd\t10\tlapack\t0.5\n",
        " Seconds , CASE , note , Size, Backend \n\n 0.5 , svd , none , 10 , lapack \n,,,,\n",
        '"case","size","backend","seconds"\r"svd","10","lapack","0.5"\r',
        "case,size,backend,seconds,stdev\nsvd,10,lapack,0.5\n",
        "case,size,backend,seconds\nsvd,10,lapack,0.5,,\n",
    ],
    ids=["bom", "semicolon", "tab", "untidy", "quoted", "short", "long"],
)
def test_tables_as_people_write_them(text: str) -> None:
    (row,) = rows_of(text)
    assert (row.family, row.size, row.backend, row.seconds) == ("svd", 10, "lapack", 0.5)


@pytest.mark.parametrize(
    ("field", "status", "reason"),
    [
        ("", "skipped", "no time given"),
        ("nan", "skipped", "nan"),
        ("N/A", "skipped", "N/A"),
        ("-", "skipped", "-"),
        ("–", "skipped", "–"),
        ("not supported", "skipped", "not supported"),
        ("OOM", "failed", "OOM"),
        ("out of memory (24 GB)", "failed", "out of memory (24 GB)"),
    ],
)
def test_a_point_without_a_time_says_why(field: str, status: str, reason: str) -> None:
    (row,) = rows_of(f"{HEADER}svd,10,magma,{field}\n")
    assert (row.seconds, row.status, row.reason) == (None, status, reason)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("svd,10,magma,12 ms", "column 'seconds': '12 ms' is not a number; .*without a unit"),
        ("svd,10,magma,'0,5", "5 fields, but the header has 4"),
        ('svd,10,magma,"0,5"', "column 'seconds': '0,5' is not a number; give seconds, with a poi"),
        ("svd,10,magma,<0.1", "column 'seconds': '<0.1' is not a number"),
        ("svd,10,magma,1_000", "column 'seconds': '1_000' is not a number"),
        ("svd,10,magma,-1", "column 'seconds': -1 is not a time; give seconds above 0"),
        ("svd,10,magma,0.0", "column 'seconds': 0.0 is not a time"),
        ("svd,10,magma,٣", "column 'seconds': '٣' is not a number"),
        ("svd,10,magma,inf", "column 'seconds': 'inf' is not a number"),
        ("svd,10,magma,1e999", "column 'seconds': 1e999 is not a time"),
        ("svd,big,magma,1", "column 'size': 'big' is not a number"),
        ('svd,"1,024",magma,1', "column 'size': '1,024' is not a number; write it plainly"),
        ("svd,0,magma,1", "column 'size': 0 is not a size"),
        ("svd,,magma,1", "column 'size': empty"),
        (f"svd,{'9' * 5000},magma,1", "column 'size': 9+ is not a size"),
        (",10,magma,1", "column 'case': empty; give the case"),
        ("svd,10, ,1", "column 'backend': empty; give the backend"),
        ("svd,10", "column 'backend': the line ends before it, after 2 fields"),
        ('svd,10,"mag"ma,1', "not CSV: .*; check the quotes"),
        ('svd,10,"magma,1', "not CSV: unexpected end of data"),
        (f"svd,10,{'x' * 200_000},1", "not CSV: field larger than field limit"),
        ("sv\0d,10,magma,1", "a NUL byte"),
    ],
)
def test_what_cannot_be_understood_is_named_by_row_and_column(row: str, message: str) -> None:
    """In one line, with what to do."""
    complaint = complaint_about(f"{HEADER}svd,5,lapack,1\n{row}\n")
    assert complaint.startswith("table.csv, row 3")
    with pytest.raises(UserError, match=message):
        rows_of(f"{HEADER}svd,5,lapack,1\n{row}\n")


@pytest.mark.parametrize(
    ("column", "value"), [("stdev", "-1"), ("stdev", "1 ms"), ("threads", "2.5"), ("threads", "0")]
)
def test_an_optional_column_is_checked_too(column: str, value: str) -> None:
    complaint = complaint_about(f"case,size,backend,seconds,{column}\nsvd,10,magma,1,{value}\n")
    assert complaint.startswith(f"table.csv, row 2, column '{column}': ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing in it"),
        ("\n \n", "nothing in it"),
        (HEADER, "no rows after the header"),
        (
            "case,n,backend,seconds\n",
            "row 1: no column 'size' in the header, which has 'case', 'n'",
        ),
        ("\ncase,size,Size,backend,seconds\n", "row 2, column 'size': named 2 times"),
        (HEADER.encode() + b"\nsvd,\xff\xfe,x,1\n", "row 3: bytes that are no UTF-8"),
        (b"\xff\xfea", "bytes that are no UTF-16"),
    ],
)
def test_a_file_that_is_no_table_of_times_is_named(text: str | bytes, message: str) -> None:
    assert message in complaint_about(text)


@pytest.mark.parametrize(
    ("row", "message"), [(b"svd,\xff\xfe,x,1", "bytes that are no"), (b"sv\0d,1,x,1", "a NUL byte")]
)
def test_broken_text_far_down_is_named_by_its_row(row: bytes, message: str) -> None:
    complaint = complaint_about(HEADER.encode() + 200_000 * b"svd,10,lapack,1\n" + row)
    assert complaint.startswith(f"table.csv, row 200002: {message}")


def test_the_row_is_where_the_record_begins() -> None:
    """A quoted field may go over several lines of the file."""
    complaint = complaint_about(
        f'{HEADER}"two\nlines",1,a,1\n\n"more\nlines",2,a,soon 1\nsvd,0,a,1\n'
    )
    assert complaint.startswith("table.csv, row 7, column 'size'")


def test_a_backend_on_several_devices_is_one_for_each(tmp_path: Path) -> None:
    """In every case and file, so that a name means one thing; one on one device keeps its name."""
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    header = "case,size,backend,device,seconds\n"
    one.write_text(
        header + "add,10,torch [v2],gpu,2\nadd,10,torch [v2],cpu,1\nadd,10,numpy,cpu,1\n"
    )
    two.write_text(header + "mul,10,torch [v2],gpu,2\nmul,10,cupy,gpu,1\n")
    assert [row.backend for row in load_measurements(one, two)] == [
        "torch [v2]:gpu",
        "torch [v2]:cpu",
        "numpy",
        "torch [v2]:gpu",
        "cupy",
    ]


def test_rows_without_a_device_hide_none_that_state_one(tmp_path: Path) -> None:
    """Whoever leaves the device out where it is the usual one still has two backends."""
    file = tmp_path / "table.csv"
    file.write_text(
        "case,size,backend,device,seconds\n"
        "add,10,torch,cuda,1\nadd,10,torch,,2\nadd,10,numpy,,3\nadd,10,torch,,4\nadd,10,jax,cpu,5\n"
    )
    with pytest.warns(
        UserWarning, match="column 'device': 2 rows of 'torch' without one"
    ) as caught:
        rows = load_measurements(file)
    assert [row.backend for row in rows] == ["torch:cuda", "torch", "numpy", "torch", "jax"]
    assert [row.process for row in rows] == [0, 0, 0, 1, 0]
    assert len(caught) == 1


def test_a_table_that_never_states_a_device_is_not_complained_of() -> None:
    notes = ReadingNotes()
    rows_of("case,size,backend,device,seconds\nadd,10,torch,,1\nadd,10,numpy,cpu,1\n", notes=notes)
    assert not notes.warnings


def test_equal_points_are_one_process_after_the_other(tmp_path: Path) -> None:
    """The k-th value of one backend stands beside the k-th of another."""
    file = tmp_path / "table.csv"
    file.write_text(HEADER + "add,10,a,1\nadd,10,a,2\nadd,10,b,3\nadd,20,a,4\nadd,10,b,5\n")
    assert [row.process for row in load_measurements(file)] == [0, 1, 0, 0, 1]


def test_a_name_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """Escapes, bells and what turns text round become a mark."""
    file = tmp_path / "table.csv"
    file.write_text(HEADER + "add\x1b[2J,10,a\x07\u202e,1\n", encoding="utf-8")
    (row,) = load_measurements(file)
    assert (row.family, row.backend) == ("add\ufffd[2J", "a\ufffd\ufffd")


@pytest.mark.parametrize("separator", ["|", " ", ":", "s", ";", "\N{SECTION SIGN}"])
def test_any_character_separates_fields_if_it_is_named(separator: str) -> None:
    table = [["Size", "BACKEND", '"case"', '"seconds"'], ["10", "lapack", "qr", "0.5"]]
    text = "\n".join(separator.join(f'"{field.strip(chr(34))}"' for field in row) for row in table)
    (row,) = rows_of(text, separator)
    assert (row.family, row.size, row.backend, row.seconds) == ("qr", 10, "lapack", 0.5)


def test_a_field_between_two_spaces_is_empty() -> None:
    (row,) = rows_of("case size backend stdev seconds\nsvd 10 lapack  0.5\n", " ")
    assert (row.stdev, row.seconds) == (None, 0.5)


def test_a_separator_that_the_table_does_not_have_is_seen_in_the_header() -> None:
    assert "no column 'case' in the header" in complaint_about(HEADER + "svd,10,lapack,1\n", "|")


@pytest.mark.parametrize("separator", ["", ";;", "\\t", "\n", '"'])
def test_what_separates_nothing_is_refused(separator: str) -> None:
    assert "is not one character" in complaint_about(HEADER + "svd,10,lapack,1\n", separator)


@pytest.mark.parametrize(
    ("column", "field", "either", "instead"),
    [
        ("seconds", "1.000", "1 or 1,000", "1.0 or 1000"),
        ("seconds", "12.500", "12.5 or 12,500", "12.5 or 12500"),
        ("seconds", "1.234", "1.234 or 1,234", "1.2340 or 1234"),
        ("size", "1.024", "1.024 or 1,024", "1.0240 or 1024"),
        ("stdev", "1.000", "1 or 1,000", "1.0 or 1000"),
        ("threads", "1.000", "1 or 1,000", "1.0 or 1000"),
    ],
)
def test_a_point_between_semicolons_is_asked_about(
    column: str, field: str, either: str, instead: str
) -> None:
    """There, a spreadsheet that writes decimal commas puts it between thousands."""
    fields = {"case": "svd", "size": "10", "backend": "b", "seconds": "2"}
    first = fields | {"stdev": "", "threads": ""}
    second = first | {column: field}
    text = "\n".join(";".join(row) for row in (first, first.values(), second.values()))
    assert complaint_about(text) == (
        f"table.csv, row 3, column '{column}': '{field}' may mean {either}; write {instead}"
    )
    (_, row) = rows_of(text.replace(";", ","))
    assert getattr(row, column) == float(field)


@pytest.mark.parametrize("plain", ["0.5", "12.34", "1000.000", "1.5e-3", "0.125", "1.", ".5"])
@pytest.mark.parametrize("first", [True, False])
def test_one_decimal_point_tells_what_those_of_its_column_mean(plain: str, first: bool) -> None:
    lines = [f"svd;10;a;{plain}", "svd;20;a;1.000"]
    text = "\n".join(["case;size;backend;seconds", *(lines if first else reversed(lines))])
    assert {row.seconds for row in rows_of(text)} == {float(plain), 1.0}


def test_a_decimal_point_tells_nothing_of_another_column() -> None:
    text = "case;size;backend;seconds\nsvd;2.048;a;0.5\nsvd;1.024;a;0.5\n"
    assert complaint_about(text).startswith("table.csv, row 2, column 'size': '2.048' may mean")


def test_a_point_in_words_tells_nothing() -> None:
    text = "case;size;backend;seconds\nsvd;10;a;1.000\nsvd;20;a;not in version 1.2\n"
    assert complaint_about(text).startswith("table.csv, row 2, column 'seconds'")


def test_two_points_are_no_number_whatever_the_others_say() -> None:
    text = "case;size;backend;seconds\nsvd;10;a;0.5\nsvd;10;a;12.500.000\n"
    assert "row 3, column 'seconds': '12.500.000' is not a number" in complaint_about(text)


def test_families_that_were_not_asked_for_are_counted_and_named_and_not_understood() -> None:
    notes = ReadingNotes()
    text = HEADER + "svd,10,a,1\nqr,what,,3 ms\nqr[x=1],10,a,1\nlu,10\nsvd,20,a,2\n"
    rows = rows_of(text, families=("svd",), notes=notes)
    assert [row.size for row in rows] == [10, 20]
    assert notes.left_out == {NOT_ASKED_FOR: 3}
    assert notes.families == {"svd", "qr", "qr[x=1]", "lu"}


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), min_size=1
).map(lambda text: " ".join(text.split()))
POINTS = st.tuples(
    NAMES.filter(bool),
    st.integers(1, 2**53) | st.floats(min_value=1e-300, max_value=1e300),
    NAMES.filter(bool),
    st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False),
)


@given(
    points=st.lists(POINTS, min_size=1),
    order=st.permutations(HEADER.strip().split(",")),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    block_bytes=st.integers(2, 100),
)
def test_what_is_written_is_read_however_it_is_written(
    points: list[tuple[str, float, str, float]],
    order: list[str],
    separator: str,
    encoding: str,
    block_bytes: int,
) -> None:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, order, quoting=csv.QUOTE_ALL, delimiter=separator)
    table.writeheader()
    # Then no point in either column of numbers is in doubt.
    for case, size, backend, seconds in [*points, ("", 0.5, "", 0.5)]:
        row = {"case": case or "c", "size": size, "backend": backend or "b", "seconds": seconds}
        table.writerow(row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_table, "_BLOCK_BYTES", block_bytes)
        rows = rows_of(text.getvalue().encode(encoding), separator if separator == "|" else None)
    values = [(row.family, row.size, row.backend, row.seconds) for row in rows]
    assert values == [*points, ("c", 0.5, "b", 0.5)]


@given(
    text=st.text('ab \r\n",é'),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    size=st.integers(2, 9),
)
def test_reading_in_blocks_breaks_no_line(text: str, encoding: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_table, "_BLOCK_BYTES", size)
        blocks = list(csv_table._blocks(FILE, io.BytesIO(text.encode(encoding))))
    lines = [line for block in blocks for line in io.StringIO(block, newline="")]
    assert lines == list(io.StringIO(text, newline=""))


@given(st.binary() | st.text().map(lambda text: (HEADER + text).encode("utf-8", "surrogatepass")))
def test_garbage_is_a_user_error_in_one_line(content: bytes) -> None:
    complaint = ""
    try:
        assert rows_of(content)
    except UserError as error:
        complaint = str(error)
    assert len(complaint.splitlines()) <= 1
