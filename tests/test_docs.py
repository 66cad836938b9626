"""The README and the pages of ``docs/`` say what is true: their snippets run here, and their outputs are compared.

How to write a snippet, by the word behind the fence:

- ``python`` runs. The blocks of a page share one namespace, from top to bottom, and a directory of their own that is
  the current one and can be imported from. A block that raises fails the page: show an error by catching it and
  printing it.
- ``console`` shows commands behind ``$ ``. ``python …`` and ``fiddle-hydra …`` run in the page's directory; where one
  ends in ``# exit code 1``, it fails so, and its errors are the output. Of ``make …`` only the target's existence is
  checked, of ``pip …`` nothing. Outputs stand in a block of their own.
- ``yaml`` or ``text`` right below one of these (no prose between) is its output, without empty lines at the end.
  ``...`` stands for any text, as in doctests. ``text`` elsewhere is not checked.
- ``yaml`` elsewhere must be a config that OmegaConf reads.
- A first line ``# name.py`` or ``# name.yaml`` saves the block as that file in the page's directory instead of
  running it. With an empty line below it, it is not a part of the file.

Outputs must be the same on both Hydra lines.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import fiddle as fdl
import pytest
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb

ROOT = Path(__file__).resolve().parents[1]
#: What pages run, by the word that they write.
PROGRAMS = {"python": sys.executable, "fiddle-hydra": str(Path(sysconfig.get_path("scripts")) / "fiddle-hydra")}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


class Block(NamedTuple):
    language: str
    text: str
    line: int
    follows: bool

    @property
    def file(self) -> str | None:
        """The name under which the block is saved, if it says one."""
        found = re.match(r"# ([\w/-]+\.(?:py|yaml))\n", self.text)
        return found[1] if found else None


def blocks_of(page: Path) -> Iterator[Block]:
    """Yields the fenced blocks of a page; ``follows``: nothing but empty lines parts it from the block above."""
    language, lines, indent, start, prose = None, [], 0, 0, True
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r"( *)```(\w*)$", line)
        if language is None and fence:
            indent, language, lines, start = len(fence[1]), fence[2], [], number
        elif language is not None and fence:
            yield Block(language, "".join(f"{text}\n" for text in lines), start, not prose)
            language, prose = None, False
        elif language is not None:
            lines.append(line[indent:])
        elif line.strip():
            prose = True
    assert language is None, f"{page.name}:{start}: the block is not closed"


class PageRun:
    """Runs the blocks of one page in a directory."""

    def __init__(self, page: Path, directory: Path) -> None:
        self.page = page
        self.directory = directory
        self.namespace: dict[str, Any] = {"__name__": "page"}
        self.output: str | None = None

    def run(self, block: Block) -> None:
        where = f"{self.page.name}:{block.line}"
        if block.follows and self.output is not None and block.language in ("yaml", "text"):
            self.compare(block, where)
            self.output = None
        elif block.file is not None:
            file = self.directory / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(re.sub(r"\A#.*\n\n", "", block.text), encoding="utf-8")
            self.output = None
        elif block.language == "python":
            self.output = self.python(block)
        elif block.language == "console":
            self.output = "".join(self.command(line, where) for line in block.text.splitlines())
        elif block.language == "yaml":
            OmegaConf.create(block.text)
        else:
            assert block.language == "text", f"{where}: no rule for a block of {block.language!r}"

    def python(self, block: Block) -> str:
        # Empty lines before the code, so that tracebacks name the page's lines.
        code = compile("\n" * block.line + block.text, str(self.page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, self.namespace)
        return output.getvalue()

    def command(self, line: str, where: str) -> str:
        assert line.startswith("$ "), f"{where}: {line!r} is no command"
        program, *arguments = shlex.split(line[2:], comments=True)
        if program == "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in arguments), f"{where}: {line}"
        elif program in PROGRAMS:
            env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
            words = [PROGRAMS[program], *arguments]
            done = subprocess.run(words, cwd=self.directory, env=env, capture_output=True, text=True, timeout=120)
            code = re.search(r"# exit code (\d+)$", line)
            assert done.returncode == int(code[1] if code else 0), f"{where}: {line}\n{done.stderr}"
            return done.stdout + (done.stderr if code else "")
        else:
            assert program == "pip", f"{where}: no rule for {program!r}"
        return ""

    def compare(self, block: Block, where: str) -> None:
        assert self.output is not None
        # A page shows no empty line at the end: `print(to_yaml(...))` has one.
        shown, printed = block.text.rstrip() + "\n", self.output.rstrip() + "\n"
        checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.REPORT_NDIFF
        if not checker.check_output(shown, printed, flags):
            difference = checker.output_difference(doctest.Example("", shown), printed, flags)
            pytest.fail(f"{where}\n{difference}", pytrace=False)


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageRun]:
    """A run of the page that the test is parametrized with, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield PageRun(request.getfixturevalue("page"), tmp_path)
    # Another page may have a module of the same name.
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.filterwarnings("ignore")
def test_snippets_run_and_print_what_the_page_says(page: Path, run: PageRun) -> None:
    blocks = list(blocks_of(page))
    assert blocks, f"{page.name} shows nothing"
    for block in blocks:
        run.run(block)


@pytest.mark.parametrize("page", [ROOT / "docs" / "spelling.md"], ids=lambda page: page.name)
@pytest.mark.filterwarnings("ignore")
def test_each_row_of_the_spelling_page_is_what_the_converters_write_and_read(page: Path, run: PageRun) -> None:
    for block in blocks_of(page):
        run.run(block)
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 60
    for expression, text in rows:
        said = eval(expression, run.namespace)
        is_graph = isinstance(said, fdl.Buildable)
        graph = said if is_graph else fdl.Config(SimpleNamespace, x=said)
        written = OmegaConf.to_container(OmegaConf.create(fhb.to_yaml(graph)))
        shown = OmegaConf.to_container(OmegaConf.create(f"x: {text}"))["x"]
        # The order of keys and the types of scalars count.
        assert repr(written if is_graph else written["x"]) == repr(shown), expression
        read = fhb.from_hydra(shown if is_graph else {**written, "x": shown}, links="keep")
        assert fhb.same_graph(read, graph), expression


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        assert not heading or heading in headings_of(file), f"{page.name}: {target}"


def test_the_architecture_page_names_every_module_of_the_converters() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = {file.name for file in (ROOT / "fiddle_hydra_bridge" / "convert").glob("[!_]*.py")}
    assert modules
    assert sorted(name for name in modules if f"`{name}`" not in text) == []


def headings_of(page: Path) -> set[str]:
    """The anchors that a page's headings get: lower case, no punctuation, hyphens for spaces."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_shows_the_columns_that_the_comparison_measures_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for block in blocks_of(ROOT / "docs" / "comparison.md"):
        if block.file is not None:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "survive.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    measured = table_of(done.stdout)
    shown = table_of((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"this library", "Fiddle JSON"} <= set(measured["columns"])
    for row, cells in measured.items():
        for column, cell in zip(measured["columns"], cells, strict=True):
            shown_cells = dict(zip(shown["columns"], shown[row], strict=True))
            assert shown_cells[column] == cell, f"{row}, {column}"


def table_of(text: str) -> dict[str, list[str]]:
    """The table whose head starts with an empty cell, by the first cell of each row; the head as row "columns"."""
    rows: dict[str, list[str]] = {}
    for line in text[text.index("| | ") :].splitlines():
        if not line.startswith("|"):
            break
        _, first, *cells, _ = (cell.strip() for cell in line.split("|"))
        if not re.fullmatch("-+", first):
            rows[first or "columns"] = cells
    return rows
