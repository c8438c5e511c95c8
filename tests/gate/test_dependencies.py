"""Requirements that differ: what one environment serves to both revisions, nobody has compared."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perceptron.gate.dependencies.changes import Change, changes
from perceptron.gate.dependencies.files import included
from perceptron.gate.dependencies.verdict import Environments, meaning
from perceptron.records.comparison import Comparison
from tests.gate.conftest import SUITE, Repository, run, write

SUITE_FILE = "asv.conf.json"
USED = {"psutil": "7.0.0", "numpy": "1.26.4", "python": "3.11.2"}
ONE = Environments({"base": USED, "head": USED})
PROJECT = '[project]\nname = "toy"\nversion = "1"\n'
BUILD = '[build-system]\nrequires = ["psutil=={0}"]\n'
FORKS = '[[package]]\nname = "numpy"\nversion = "1.26.4"\n[[package]]\nname = "numpy"\n'
VIRTUAL = '[[package]]\nname = "psutil"\nversion = "{0}"\nsource = {{ virtual = "." }}'
# By the file that declares it, a requirement of one version.
PINS = {
    "pyproject.toml": [
        f'{PROJECT}dependencies = ["psutil=={{0}}"]\n',
        f'{PROJECT}[project.optional-dependencies]\nx = ["PSutil=={{0}}"]\n',
        f'{BUILD}{PROJECT}dependencies = ["psutil=={{0}}"]\n',
        '[dependency-groups]\ndev = ["psutil=={0}"]\n',
        '[tool.poetry.dependencies]\npsutil = "{0}"\n',
        '[tool.poetry.group.dev.dependencies]\npsutil = {{version = "{0}"}}\n',
        '[tool.uv]\ndev-dependencies = ["psutil=={0}"]\n',
        '[tool.uv.sources]\npsutil = {{git = "https://x/psutil", rev = "{0}"}}\n',
        '[tool.hatch.envs.x]\ndependencies = ["psutil=={0}"]\n',
        '[tool.pixi.feature.x.dependencies]\npsutil = "=={0}"\n',
    ],
    "setup.cfg": ["[options]\ninstall_requires =\n    numpy\n    psutil=={0}\n"],
    "setup.py": [
        "setup(install_requires=['psutil=={0}'])\n",
        "REQUIRED = ['psutil=={0}']\nsetup(install_requires=REQUIRED)\n",
        "setup(**{{'install_requires': ['psutil=={0}']}})\n",
        "more = []\nmore.append('psutil=={0}')\nsetup(install_requires=['a'] * 99 + more)\n",
    ],
    "requirements.txt": [
        "\ufeff# psutil\n-r more.txt\npsutil=={0} \\\n  --hash=sha256:0  # of a lock\n",
        "git+https://x/psutil@{0}#egg=psutil\n",
        "-e git+https://x/psutil.git@{0}\n",
        "psutil @ https://x/{0}.zip\n",
        "https://x/psutil-{0}-py3-none-any.whl\n",
        "--index-url https://x/{0}\n",
    ],
    "requirements/py311/dev.txt": ["psutil=={0}; python_version > '3'\n"],
    "dev-Constraints.txt": ["psutil=={0}\n"],
    "uv.lock": [
        '[[package]]\nname = "psutil"\nversion = "{0}"\n',
        '[[package]]\nname = "psutil"\nversion = "7.0.0"\nsource = {{ git = "https://x#{0}" }}',
    ],
    "poetry.lock": [
        '[[package]]\nname = "psutil"\nversion = "7.0.0"\n\n[package.source]\ntype = "git"\n'
        'resolved_reference = "{0}"\n'
    ],
    "pylock.dev.toml": ['[[packages]]\nname = "psutil"\nvcs = {{ commit-id = "{0}" }}\n'],
    "Pipfile": ['[bench]\npsutil = "=={0}"\n'],
    "Pipfile.lock": [
        '{{"default": {{"psutil": {{"version": "=={0}"}}}}}}',
        '{{"bench": {{"psutil": {{"git": "https://x", "ref": "{0}"}}}}}}',
    ],
    "env.yml": [
        "dependencies:\n  - python\n  - psutil={0}  # why\n",
        "dependencies:\n  - psutil {0}\n",
        'dependencies:\n  - "conda-forge::psutil={0}"\n',
        "dependencies: [numpy, psutil={0}]\n",
        "dependencies:\n- pip:\n  - psutil[x]=={0}\n",
        "dependencies:\n- numpy=1.26.4={0}\n",
        "dependencies:\n  - *psutil-{0}\n",
    ],
    "conda-lock.yml": ["package:\n- name: psutil\n  version: {0}\n"],
    "conda-linux-64.lock": ["@EXPLICIT\nhttps://x/linux-64/psutil-{0}-h_0.conda\n"],
    SUITE_FILE: [
        '{{"matrix": {{"req": {{"pip+psutil": ["{0}"]}}}}}} // of asv',
        '{{"matrix": {{"psutil": ["{0}"]}}}}',
        '{{"include": [{{"python": "3.11", "req": {{"psutil": "{0}"}}}}]}}',
        '{{"install_command": ["pip install psutil=={0}"]}}',
    ],
}
# By the file, requirements that choose other versions in words of other kinds.
GROUPED = f"{PROJECT}dependencies = [{{0}}]\n[dependency-groups]\nx = [{{1}}]\n"
OLD, NEW = '"psutil==1.0"', '"psutil==7.0.0"'
OTHERS = [
    ("pyproject.toml", "{0}", GROUPED.format(OLD, NEW), GROUPED.format(NEW, OLD)),
    (SUITE_FILE, '{{"pythons": ["{0}"]}}', "3.11", "3.12"),
    ("pyproject.toml", f'{PROJECT}dependencies = ["psutil>=5{{0}}"]\n', "", ",<8"),
    ("requirements.txt", "psutil>=5{0}\n", ",<8", ""),
    ("requirements.txt", "psutil>=5{0}\n", "", ",!=7.1"),
    ("requirements.txt", "psutil{0}\n", "", "==7.0.0"),
    ("requirements.txt", "psutil=={0}\n", "7.0.0; python_version < '3'", "6"),
    ("environment.yml", "dependencies:\n- python={0}\n", "3.10", "3.11"),
    ("pyproject.toml", "{0}", "[", "[["),
    ("uv.lock", "{0}", "x" * 2_000_000, "x"),
    ("setup.py", "{0}", "(" * 10_000, "print 1"),
    ("Pipfile.lock", "{0}", "[" * 10_000, "\udcff"),
]
SAME = [
    ("pyproject.toml", "{0}", GROUPED.format(OLD, ""), GROUPED.format("", OLD)),
    (SUITE_FILE, '{{"pythons": ["3.11", "{0}"]}}', "3.10", "3.12"),
    ("requirements.txt", "psutil>={0}\n", "5", "6"),
    ("requirements.txt", "psutil=={0}\n", "7.0", "7.0.0"),
    ("requirements.txt", "psutil>=5; python_version >= '{0}'\n", "3.7", "3.8"),
    ("requirements.txt", "numpy\nnumpy=={0}; sys_platform == 'none'\n", "1", "2"),
    ("requirements.txt", "{0}psutil==1\nnumpy==2\n", "# a\n", "# b\n\n"),
    ("requirements.txt", "psutil==7.0.0 --hash=sha256:{0}\n", "a", "b"),
    ("pyproject.toml", '[tool.poetry.dependencies]\nnumpy = "^{0}"\n', "1.20", "1.22"),
    ("pyproject.toml", '[tool.poetry.dependencies]\npython = ">=3.{0}"\n', "8", "9"),
    ("environment.yml", "dependencies:\n- python>=3.{0}\n", "8", "9"),
    ("environment.yml", "{0}", "\n" * 100_000, "\n" * 100_001),
    ("setup.py", "setup(install_requires=['psutil>={0}'])", "5", "6"),
    ("setup.cfg", "[options]\ninstall_requires =\n  psutil==1  # {0}\n", "a", "b"),
    ("uv.lock", f'{FORKS}version = "{{0}}"\n', "2.1", "2.2"),
    ("uv.lock", VIRTUAL, "1", "2"),
    (SUITE_FILE, '{{"matrix": {{"req": {{"psutil": [{0}]}}}}}}', "", '""'),
]
UNUSED = [
    ("tox.ini", "[testenv]\ndeps = psutil=={0}\n", "6", "7"),
    ("noxfile.py", "'psutil=={0}'", "6", "7"),
    ("requirements.txt", "sphinx=={0}\n", "6", "7"),
    ("setup.py", "setup(extras_require={{'docs': ['sphinx=={0}']}})", "6", "7"),
    ("uv.lock", f'[[package]]\nname = "sphinx"\nversion = "{{0}}"\n#{"x" * 3_000_000}', "6", "7"),
    ("pyproject.toml", BUILD, "1", "2"),
    (SUITE_FILE, '{{"build_command": ["{0}"]}}', "a", "b"),
    ("docs/requirements.txt", "psutil=={0}\n", "6", "7"),
    ("tests/x/pyproject.toml", f'{PROJECT}dependencies = ["psutil=={{0}}"]\n', "6", "7"),
    ("tests/x/setup.py", "print '{0}'\n", "6", "7"),
    ("template/pyproject.toml", "{{{{ {0} }}}}\n", "a", "b"),
]
CASES = [
    *((name, text, "1.0", "7.0.0", "hidden") for name, texts in PINS.items() for text in texts),
    *((*case, "hidden") for case in OTHERS),
    *((*case, "compared") for case in SAME),
    *((*case, "unused") for case in UNUSED),
]


def changed(name: str, text: str, base: str, head: str) -> list[Change]:
    first, second = (
        {name: text.format(version).encode(errors="surrogateescape")} for version in (base, head)
    )
    return list(changes(first, second, SUITE_FILE))


@pytest.mark.parametrize(("name", "text", "base", "head", "expected"), CASES)
def test_dependencies_meaning_of_changed_file(
    name: str, text: str, base: str, head: str, expected: str
) -> None:
    meanings = {
        meaning(change, ONE, is_compiled=False) for change in changed(name, text, base, head)
    }
    if expected == "compared":
        assert meanings <= {"compared"}
    elif expected == "hidden":
        assert "hidden" in meanings
    else:
        assert meanings == {"unused"}


@pytest.mark.parametrize(
    ("name", "text", "base", "head", "built", "expected"),
    [
        ("requirements.txt", "psutil=={0}\n", "6.1", "7.0.0", False, "compared"),
        ("requirements.txt", "psutil=={0}\n", "5", "7.0.0", False, "hidden"),
        ("requirements.txt", "psutil @ git+https://x@{0}\n", "a", "b", False, "compared"),
        ("setup.cfg", "[options]\ninstall_requires = psutil{0}\n", "", "<8", True, "compared"),
        ("requirements.txt", "psutil=={0}\n", "1", "7.0.0", True, "hidden"),
        ("requirements.txt", "--index-url {0}\n", "a", "b", True, "hidden"),
        (SUITE_FILE, '{{"install_command": "{0}"}}', "a", "b", True, "compared"),
    ],
)
def test_environments_of_their_own_compare_what_they_follow(
    name: str, text: str, base: str, head: str, built: bool, expected: str
) -> None:
    """What the gate builds follows the project's files and the matrix, and no lock or list."""
    both = Environments({"base": {"psutil": "6.1"}, "head": {"psutil": "7.0.0"}}, True, built)
    meanings = [
        meaning(change, both, is_compiled=True) for change in changed(name, text, base, head)
    ]
    assert meanings == [expected]


def pinned(
    toy: Repository,
    name: str,
    text: str,
    *,
    imports: str = "import psutil",
    code: str = SUITE,
    **options: object,
) -> Comparison:
    """Compare a pin of version 1.0 with one of 2.0; the benchmarks import a library."""
    toy.write("benchmarks/suite.py", f"{imports}\n{code}")
    toy.commit("first", name, text.format("1.0"))
    toy.commit("second", name, text.format("2.0"))
    return run(**{"always": False, **options})


PIN = "psutil=={0}\n"
INNER = "benchmarks/requirements.txt"
INSIDE = '{{"repo": "..", "benchmark_dir": ".", "matrix": {{"psutil": ["{0}"]}}}}'


@pytest.mark.parametrize("name", ["benchmarks/requirements.txt", "deps/base.txt", SUITE_FILE])
def test_dependencies_used_pin_change_is_inconclusive(name: str, toy: Repository) -> None:
    """Also where only HEAD's file lies in both trees, and where another list includes it."""
    toy.write("requirements.txt", "-r deps/base.txt\n")
    text = PINS[SUITE_FILE][0].replace("{{", '{{"project": "toy", "repo": ".", ', 1)
    comparison = pinned(toy, name, text if name == SUITE_FILE else PIN)
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith("psutil 1.0 → 2.0 was not compared")


SETUP_CFG = """
[metadata]
long_description = file: README.rst, CHANGES.rst
[options]
install_requires = file: deps/run.txt
[options.extras_require]
fast = file: deps/a.txt, deps/b.txt
"""
DYNAMIC = """
[tool.setuptools.dynamic]
readme = {file = ["README.rst"]}
dependencies = {file = "deps/run.txt"}
optional-dependencies = {fast = {file = ["deps/a.txt", "deps/b.txt"]}}
"""


@pytest.mark.parametrize(("name", "text"), [("setup.cfg", SETUP_CFG), ("pyproject.toml", DYNAMIC)])
def test_included_files_are_lists_of_requirements_and_no_description(name: str, text: str) -> None:
    assert set(included(name, text.encode())) == {"deps/run.txt", "deps/a.txt", "deps/b.txt"}


def test_dependencies_matrix_beside_benchmarks_is_per_revision(toy: Repository) -> None:
    (toy.folder / SUITE_FILE).unlink()
    file = f"benchmarks/{SUITE_FILE}"
    assert pinned(toy, file, INSIDE, suite=Path(file)).verdict == "inconclusive"


def test_dependencies_matrix_applies_to_pytest_suites(
    toy: Repository,
) -> None:
    timed = "@pytest.mark.benchmark(timer=toy.clock)\n"
    called = "def test_it(benchmark): benchmark(toy.work, 1)\n"
    test = f"import psutil, pytest, toy\n{timed}{called}"
    toy.commit("before", "tests/test_it.py", test)
    matrix, chosen = PINS[SUITE_FILE][0], {"pytest": "tests/test_it.py"}
    comparison = pinned(toy, SUITE_FILE, matrix, imports="", **chosen)
    assert comparison.reason.startswith("psutil 1.0 → 2.0 was not compared")
    toy.commit("third", "tests/test_it.py", f"{test}\n\n")
    assert run("second", "third", always=False, **chosen).verdict == "clean"


def test_dependencies_two_names_of_one_environment_are_one(toy: Repository) -> None:
    other = Path(sys.executable).with_name("python3")
    comparison = pinned(toy, INNER, PIN, base_python=sys.executable, head_python=str(other))
    assert comparison.reason.startswith("psutil 1.0 → 2.0 was not compared")


def test_dependencies_include_lazy_imports_of_benchmark(toy: Repository) -> None:
    lazy = SUITE.replace("    return", "    import psutil\n    return")
    assert pinned(toy, INNER, PIN, imports="", code=lazy).verdict == "inconclusive"


def test_dependencies_namespace_package_is_found_by_files(
    toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    write(site / "ns/dep/__init__.py", "")
    facts = "Metadata-Version: 2.1\nName: ns-dep\nVersion: 7.0\n"
    write(site / "ns_dep-7.0.dist-info/METADATA", facts)
    write(site / "ns_dep-7.0.dist-info/RECORD", "ns/dep/__init__.py,,\n")
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    toy.write("ns/own/__init__.py", "")
    comparison = pinned(toy, INNER, "ns-dep=={0}\n", imports="import ns.dep, ns.own")
    assert comparison.reason.startswith("ns-dep 1.0 → 2.0 was not compared")


BOTH = "inner 1.0 → 2.0, psutil 1.0 → 2.0 were"
OF_ASV = '{"project": "toy", "repo": ".", "matrix": {"req": {"outer[all]": [""]}}}'


@pytest.mark.parametrize(
    ("file", "text", "hidden"),
    [
        ("pyproject.toml", f'{PROJECT}dependencies = ["outer"]\n', "inner 1.0 → 2.0 was"),
        ("pyproject.toml", f'{PROJECT}dependencies = ["outer[All]"]\n', BOTH),
        ("pyproject.toml", '[tool.poetry.dependencies]\nouter = {extras = ["all"]}\n', BOTH),
        (SUITE_FILE, OF_ASV, BOTH),
    ],
    ids=["no extra", "project", "poetry", "asv"],
)
def test_dependencies_include_lazy_imports_of_library(
    toy: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    text: str,
    hidden: str,
) -> None:
    """It requires that, or does so for an extra that the project names; another extra is no use."""
    site = tmp_path / "site"
    requires = {
        "outer": 'middle\nRequires-Dist: bridge[quick] ; extra == "all"',
        "middle": "inner >=1",
        "inner": "absent",
        "bridge": 'psutil ; extra == "quick"\nRequires-Dist: numpy ; extra == "slow"',
    }
    for name, others in requires.items():
        write(site / f"{name}.py", "")
        facts = f"Metadata-Version: 2.1\nName: {name}\nVersion: 7.0\nRequires-Dist: {others}\n"
        write(site / f"{name}-7.0.dist-info/METADATA", facts)
        write(site / f"{name}-7.0.dist-info/RECORD", f"{name}.py,,\n")
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    toy.write(file, text)
    pins = "inner=={0}\npsutil=={0}\nnumpy=={0}\n"
    comparison = pinned(toy, INNER, pins, imports="import outer")
    assert comparison.reason.startswith(f"{hidden} not compared")


@pytest.mark.parametrize("name", ["sphinx", "pytest", "numpy"])
def test_dependencies_unused_pin_change_is_a_note(
    name: str, toy: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of what runs the suite: asv_runner imports NumPy where pympler is installed."""
    monkeypatch.delenv("PYTHONPATH")
    suite = "import toy\ndef test_it(benchmark):\n    benchmark(toy.work, 1)\n"
    toy.write("tests/test_it.py", suite)
    folder, options = ("tests", {"pytest": "tests"}) if name == "pytest" else ("benchmarks", {})
    comparison = pinned(
        toy, f"{folder}/requirements.txt", f"{name}=={{0}}\n", imports="", **options
    )
    assert comparison.verdict == "clean"
    assert [warning.message.partition("use: ")[2] for warning in comparison.warnings] == [
        f"{name} 1.0 → 2.0"
    ]
