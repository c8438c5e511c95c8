"""What is typed wrong ends in one line that names it, before anything is measured or written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Perceptron

# What is typed after `perceptron`, and the line after `error: `; … stands for what is left out.
TABLE = r"""
walkthrouhg | unknown command 'walkthrouhg': did you mean 'walkthrough'?
--versoin | No such option…--versoin…--version…
walkthrough or-gat | unknown problem 'or-gat': did you mean 'or-gate'?
walkthrough --actviation tanh | No such option…--actviation…--activation…
walkthrough --backend nunpy | unknown backend 'nunpy': did you mean 'numpy'?
walkthrough --activation ReLu6 | unknown activation 'ReLu6': did you mean 'relu'?
walkthrough digits --activation tanh | --activation is for problems of one output: leave it out…
check | Missing argument 'NAME …'.
check torch-gpu | unknown backend 'torch-gpu': did you mean 'torch-…
bench --families mlp-wdith | unknown family 'mlp-wdith': did you mean 'mlp-width'?
bench --problem or-gate | 'or-gate' is not a model file: name a file that ends in .toml
bench --problem , | --problem is empty: name at least one, or leave it out
bench --problem broken.toml | …broken.toml: rate: Expected `float`, got `str`
bench --families mlp-map | family 'mlp-map' varies along 2 axes: `perceptron map --family…
bench --threads many | --threads takes whole numbers from 1, such as 1,2; got 'many'
bench --threads "" | --threads is empty: name at least one, or leave it out
bench --threads 999999 | --threads 999,999 is too many for the…
bench --results "" | --results is empty: name a folder, or leave it out
bench --dtype half | unknown --dtype 'half': choose from float32, float64
bench --machine ../../x | --machine takes letters, digits and . _ - (64 at most), got '../../x'
bench --backends numpy --results /proc/no | /proc/no: cannot write results: No such…
bench --budget 0 | --budget takes minutes, above 0, such as 2 or 0.5; got 0
bench --wait=soon | Invalid value for '--wait'…
bench --wait=inf | --wait takes a number, got inf
bench --processes 1,2 --threads 3 | --threads 3 cannot be shared evenly by the 2 processes of…
bench --backends numpy --processes 2 | --processes: numpy train in one process: name one that…
crossover --by backend | --by is about files: give it with --from
crossover --commit abc | --commit is about files: give it with --from
crossover --from x.csv --size-regex "(" | --size-regex '(': not a regular expression: missing ),…
crossover --from x.csv --size-regex 7 | --size-regex '7' has no group: put the size in ( ), as…
crossover --from no.csv | no.csv: no such results; `perceptron bench` makes some
crossover --from file | file: no rows; a header case,size,backend,seconds and rows are needed
crossover --from x.csv --pair numpy:torch | unknown backend in --pair 'torch': choose from numpy,…
crossover --from x.csv --family sdv | unknown family 'sdv': did you mean 'svd'?
crossover --from x.csv --threads 2 | --threads is about measuring: leave it out with --from
crossover --from x.csv --budget 2 | --budget is about measuring: leave it out with --from
crossover --from x.csv --fresh | --fresh is about measuring: leave it out with --from
bench --fresh --on local:2 | --fresh is not for --on, whose jobs resume; to measure again, remove…
crossover --from x.csv --on local:2 | --on is about measuring: leave it out with --from
crossover --from x.csv --by kind | x.csv: no column of each name in kind, size; --by and…
crossover --from x.csv --commit abc | --commit 'abc' fits 0 commits: …; these sources have none
crossover --pair numpy | --pair takes INCUMBENT:CHALLENGER, such as numpy:torch-cpu; got 'numpy'
crossover --pair numpy:torch-cpu --processes 2 | --processes: numpy, torch-cpu train in one…
crossover --pair numpy:torch-cpu@2 | backend 'torch-cpu@2': torch-cpu trains in one process:…
crossover --family mlp-map | family 'mlp-map' varies along 2 axes: `perceptron map --family…
crossover --backends numpy | a crossover needs two backends: name them with --pair A:B
map --family mlp-width | family 'mlp-width' varies along 1 axis and a map needs two: choose…
map --family mlp-map mlp-map | Got unexpected extra argument (mlp-map)
map --points 1 | --points must be from 2 to 64, got 1
doctor --threads @DIGITS@ | --threads takes whole numbers from 1, such as 1,2; got '111…
advise --rows 4 --features 2 --budget 1e308 | --budget takes minutes, above 0, such as 2 or 0.5;…
doctor --threads 999999 | --threads 999,999 is too many for the…
overhead --problem mlp-width:99999999999999999999 | family 'mlp-width': width takes whole numbers…
overhead --problem mlp-depth:99999999999999999999 | family 'mlp-depth': depth takes whole numbers…
overhead --problem nothing | unknown problem 'nothing': choose from…
overhead --problem many-or-gates:400 --processes 1,2 | --processes: no backend trains the 400…
advise | give --rows and --features (and --hidden), or --problem
advise --rows 3 --problem xor | give --rows, which describes a shape, or --problem, not both
advise --problem digits --batch 64 | give --batch, which describes a shape, or --problem, not both
advise --rows 99 --features 9 --epochs 5 --iterations 9 | give --iterations or --epochs, not both
advise --rows 99 --features 9 --batch 100 | --batch: 100 is not between 1 and the 99 rows,…
advise --rows 99 --features 9 --classes 1 | --classes: 1 is not between 2 and the 99 rows,…
advise --rows 99 --features 9 --classes 100 | --classes: 100 is not between 2 and the 99 rows,…
advise --rows 99 --features 9 --optimizer adma | unknown --optimizer 'adma': did you mean 'adam'?
advise --rows 99 --features 9 --batch 8 --feed hots | unknown --feed 'hots': did you mean 'host'?
advise --rows 99 --features 9 --feed host | --feed: host is for batches: give a batch…
advise --rows 99 --features 9 --models 400 --processes 1,2 | --processes: no backend trains the…
race --problem or-gate | --problem or-gate: the problem has no test set: choose digits…
race --target 0.95 --problem small.toml | --target takes accuracy=0.95 or loss=0.2, for…
race --problem wear.toml | …has no classes: choose a loss…
race --target accuracy=2 --problem small.toml | --target takes accuracy=0.95 or loss=0.2, for…
race --seeds 1 --problem small.toml | --seeds must be from 2 to 1000, got 1
race --epochs 0 --problem small.toml | --epochs must be from 1 to 1,000,000,000, got 0
race --dtype float16 --problem small.toml | unknown --dtype 'float16': did you mean 'bfloat16'?
bench --sbatch gpus=1 | --sbatch is for the jobs of a fleet: add --on slurm
bench --on pbs | --on takes slurm, or local:N for N jobs on this machine; got 'pbs'
bench --on local:0 | --on takes slurm, or local:N for N jobs on this machine; got 'local:0'
bench --on local:2 --sbatch gpus=1 | --sbatch is for Slurm: leave it out with --on local:2
bench --on local:2 --machine box | --machine names one machine and there are 2: leave it out…
bench --on slurm --sbatch partition=.. | --sbatch partition takes letters, digits and . _ - (64…
bench --on slurm --sbatch partition= | --sbatch takes KEY=VALUE, as in account=physics; got…
bench --on slurm --sbatch "a=b c" | --sbatch takes KEY=VALUE without spaces, as in account=physics…
bench --on slurm --sbatch=--a=b | --sbatch takes KEY=VALUE without dashes, as in account=physics…
bench --on slurm --sbatch gpus=1 array=1-3 | --sbatch array: the fleet sets it; leave it out
bench --on slurm --sbatch export=NONE | --sbatch export: a job needs your variables: begin with ALL…
bench --on slurm --sbatch no-requeue | --sbatch takes KEY=VALUE, as in account=physics; got…
fleet stop | Invalid value for 'WHAT'…
fleet status | results: no fleet was started here: `perceptron bench --on` starts one
fleet collect | results: no fleet was started here: `perceptron bench --on` starts one
fleet collect nowhere | nowhere: it has no runs: name a folder of results or of runs
fleet status results | fleet status takes no folders: --results names the folder of the fleet
dashboard | results: no such results; `perceptron bench` makes some
dashboard --html "" | --html is empty: name a folder, or leave it out
dashboard --port http | Invalid value for '--port'…
compare a b --markdown /proc/no | /proc/no: cannot be written: No such file or directory;…
compare a b --count maybe | unknown --count 'maybe': choose from auto, always, never
compare a b --least-judged 101 | Invalid value for '--least-judged'…
compare a b --pages-url http://we.example | --pages-url http://we.example: no address of pages:…
compare a b --pages-url "https://a) [b](https://c" | --pages-url https://a) [b](https://c: no…
compare a b --budget 0 | Invalid value for '--budget'…
backends numpy | Got unexpected extra argument (numpy)
"""
LINES = [line.split(" | ", 1) for line in TABLE.strip().splitlines()]
# Python reads no number of more than 4,300.
DIGITS = "1" * 5000

FILES = {
    "x.csv": "case,size,backend,seconds\nsvd,1,numpy,1\nsvd,1,jax,30\nsvd,9,numpy,9\nsvd,9,jax,8\n",
    "file": "",
    "broken.toml": 'rate = "fast"\n',
    "wear.csv": "hours,wear\n" + "".join(f"{index},{index / 3:.3f}\n" for index in range(12)),
    "wear.toml": """loss = "mse"
rate = 0.01
layers = [{width = 1, activation = "identity"}]
data = {csv = "wear.csv", target = "wear", test_share = 0.25}
""",
    "small.toml": """loss = "bce"
rate = 0.5
layers = [{width = 1, activation = "sigmoid"}]
data = {rows = 40, features = 2, test_share = 0.25}
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(("typed", "line"), LINES, ids=[typed for typed, _ in LINES])
def test_wrong_usage_is_one_line_and_exit_code_2(
    here: Perceptron, folder: Path, typed: str, line: str
) -> None:
    """On standard error alone; no job is submitted, and no row is kept."""
    process = here(*shlex.split(typed.replace("@DIGITS@", DIGITS)))
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.count("\n") == 1
    expected = re.escape(f"error: {line}").replace("…", ".*")
    assert re.fullmatch(expected, process.stderr.rstrip("\n")), process.stderr
    assert {file.name for file in folder.iterdir()} - {"html"} == set(FILES)


@pytest.mark.parametrize("typed", ["walkthrough --actviation tanh", "bench --threads many"])
def test_usage_errors_are_equal_in_shell_and_process(
    perceptron: Perceptron, here: Perceptron, typed: str
) -> None:
    """The parser's complaints and ours: the same code and the same words from a real process."""
    in_shell, in_process = perceptron(*typed.split()), here(*typed.split())
    assert in_shell.stderr == in_process.stderr
    assert (in_shell.returncode, in_shell.stdout) == (2, "")
