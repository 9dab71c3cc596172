"""The house rules of CONTRIBUTING.md that no linter knows, asked of every file of ours."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCT = ("recorder", "workers")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
#: They say nothing; the glossary has a word for the thing that is meant.
BANNED_NAMES = re.compile(
    r"(^|_)(managers?|helpers?|utils?|utilities|process|handle|data|info|misc)(_|$)"
)
#: Names in which such a word does say something: a --data DIR, a process of the kernel.
MEANT = re.compile(r"data_folder|media_process")
UNFINISHED = re.compile(
    r"\b(TODO|FIXME|XXX)\b|NotImplementedError|pragma: no cover"
    r"|type: ignore(?!\[)|# noqa(?!: [A-Z])"
)
#: Ways to be green without having met the real thing.
SKIPPING = re.compile(r"(pytest|unittest)\.(mark\.)?(skip|xfail|importorskip|mock)")
#: Statements are recognised by their beginning, in strings that are not docstrings.
SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|WITH\s+\w+\s+AS)\s",
    re.DOTALL,
)
#: library → beginnings of the only modules that may import it (import-linter knows no prefixes).
HOMES = {
    "minio": ("recorder/adapters/s3",),
    "urllib3": ("recorder/adapters/s3",),
    "ffmpeg": ("recorder/adapters/media",),
    "av": ("recorder/adapters/media",),
    "imageio_ffmpeg": ("recorder/embedded/",),
    "redis": ("recorder/adapters/queue", "workers/main"),
    "uvloop": ("recorder/commands/", "recorder/embedded/", "recorder/web/", "workers/"),
    "prometheus_client": ("recorder/metrics",),
    "chinese_calendar": ("recorder/adapters/china_calendar",),
    "argon2": ("recorder/adapters/", "recorder/services/accounts"),
}
#: The service's store, and the client, whose journal is an SQLite file.
OWN_SQL = ("recorder/store/", "recorder/client/")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))


def _name(file: Path) -> str:
    return str(file.relative_to(REPOSITORY))


@functools.cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), file.name)


def _functions(file: Path) -> list[Function]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(_tree(file)) if isinstance(node, kinds)]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _docstrings(tree: ast.Module) -> set[int]:
    """The identities of the string nodes that are docstrings."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr):
            found.add(id(node.body[0].value))
    return found


def _broken(files: list[Path], rule: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """File → what breaks the rule there; empty when all is well."""
    return {_name(file): found for file in files if (found := rule(file))}


def test_there_is_something_to_look_at() -> None:
    assert len(_modules("recorder")) > 10
    assert len(_modules("tests")) > 10


def test_modules_are_short() -> None:
    def too_long(file: Path) -> list[str]:
        lines = len(file.read_text().splitlines())
        return [f"{lines} lines"] if lines > LONGEST_MODULE else []

    assert _broken(_modules(*PRODUCT, "tests"), too_long) == {}


def test_modules_say_what_they_are_for() -> None:
    def silent(file: Path) -> list[str]:
        return [] if ast.get_docstring(_tree(file)) else ["no module docstring"]

    assert _broken(_modules(*PRODUCT), silent) == {}


def test_functions_are_short() -> None:
    def too_long(file: Path) -> list[str]:
        lengths = {f.name: (f.end_lineno or f.lineno) - f.lineno + 1 for f in _functions(file)}
        return [f"{name}: {n} lines" for name, n in lengths.items() if n > LONGEST_FUNCTION]

    assert _broken(_modules(*PRODUCT, "tests"), too_long) == {}


def test_names_say_something() -> None:
    def empty(file: Path) -> list[str]:
        classes = [n.name for n in ast.walk(_tree(file)) if isinstance(n, ast.ClassDef)]
        named = classes + [f.name for f in _functions(file) if not _is_override(f)]
        return [n for n in [file.stem, *named] if BANNED_NAMES.search(MEANT.sub("", _snake(n)))]

    assert _broken(_modules(*PRODUCT), empty) == {}


def _is_override(function: Function) -> bool:
    """Its name was chosen by the library whose method it overrides."""
    return any(ast.unparse(d).rpartition(".")[2] == "override" for d in function.decorator_list)


def test_nothing_is_left_unfinished() -> None:
    def marks(file: Path) -> list[str]:
        return [line for line in file.read_text().splitlines() if UNFINISHED.search(line)]

    files = [file for file in _modules(*PRODUCT, "tests") if file != Path(__file__)]
    assert _broken(files, marks) == {}


def test_a_library_has_one_home() -> None:
    def foreign(file: Path) -> list[str]:
        return [
            library
            for library in sorted(_imported(file) & set(HOMES))
            if not _name(file).startswith(HOMES[library])
        ]

    assert _broken(_modules(*PRODUCT), foreign) == {}


def _imported(file: Path) -> set[str]:
    """The first words of all absolute imports."""
    return {name.partition(".")[0] for name in _imported_modules(file)}


def _imported_modules(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{a.name}" for a in node.names)})
    return names


def test_sql_stands_in_the_store_only() -> None:
    def statements(file: Path) -> list[str]:
        prose = _docstrings(_tree(file))
        return [
            node.value
            for node in ast.walk(_tree(file))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in prose
            and SQL.match(node.value)
        ]

    files = [file for file in _modules(*PRODUCT) if not _name(file).startswith(OWN_SQL)]
    assert _broken(files, statements) == {}


def test_tests_meet_the_real_thing() -> None:
    def pretence(file: Path) -> list[str]:
        nodes = list(ast.walk(_tree(file)))
        words = {n.arg for n in nodes if isinstance(n, ast.arg)} & {"monkeypatch", "mocker"}
        marks = {ast.unparse(n) for n in nodes if isinstance(n, ast.Attribute)}
        mocks = {m for m in _imported_modules(file) if m.split(".")[-1] in ("mock", "moto")}
        return sorted(words | mocks | {mark for mark in marks if SKIPPING.match(mark)})

    assert _broken(_modules("tests"), pretence) == {}


def test_tests_wait_for_facts_and_not_for_time() -> None:
    def sleeps(file: Path) -> list[str]:
        calls = [node for node in ast.walk(_tree(file)) if isinstance(node, ast.Call)]
        return [
            ast.unparse(call)
            for call in calls
            if ast.unparse(call.func) == "time.sleep" or _long_async_sleep(call)
        ]

    assert _broken(_modules("tests"), sleeps) == {}


def test_every_test_can_fail() -> None:
    def toothless(file: Path) -> list[str]:
        """Tests that neither assert nor expect an error, themselves or through what they call."""
        functions = _functions(file)
        biting = {f.name for f in functions if any(map(_may_fail, ast.walk(f)))} | {"eventually"}
        shared = {
            name.rpartition(".")[2]
            for name in _imported_modules(file)
            if name.startswith("tests.support.")
        }
        return [
            f.name
            for f in functions
            if f.name.startswith("test_")
            and f.name not in biting
            and not _called(f) & (biting | shared)
        ]

    assert _broken(_modules("tests"), toothless) == {}


def _may_fail(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert | ast.Raise):
        return True
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.raises", "pytest.fail")


def _called(function: Function) -> set[str]:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {ast.unparse(call.func).rpartition(".")[2] for call in calls}


def _long_async_sleep(call: ast.Call) -> bool:
    if ast.unparse(call.func) != "asyncio.sleep" or not call.args:
        return False
    seconds = call.args[0]
    value = seconds.value if isinstance(seconds, ast.Constant) else None
    return isinstance(value, int | float) and value >= 1


def test_test_files_have_different_names() -> None:
    names = [file.name for file in _modules("tests") if file.name.startswith("test_")]
    assert len(names) == len(set(names))


def test_locked_lists_and_documents_name_no_download_address() -> None:
    address = re.compile(
        r"https?://(files|index|proxy|registry|deb|repo|static)[a-z0-9.-]*\.(org|io|com)/"
    )
    places = [*REPOSITORY.glob("*"), *(REPOSITORY / "docs").rglob("*.md")]
    places += (REPOSITORY / "requirements").iterdir()
    named = [
        _name(file)
        for file in places
        if file.is_file() and address.search(file.read_text(errors="replace"))
    ]
    assert named == []


def test_every_locked_package_carries_a_hash() -> None:
    for file in (REPOSITORY / "requirements").glob("*.txt"):
        entries = re.split(r"\n(?=[a-z0-9])", file.read_text())
        packages = [entry for entry in entries if "==" in entry.splitlines()[0]]
        assert packages, file.name
        assert all("--hash=sha256:" in package for package in packages), file.name
