"""With ``--json``, standard output is one document, whose keys ``docs/json.md`` describes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from impasto.cli.app import run
from impasto.report import documents
from impasto.report.documents import Document

pytestmark = pytest.mark.usefixtures("small_pictures")

SMALL = ["--size", "48", "--steps", "2", "--levels", "1", "--device", "cpu"]
QUICK = [*SMALL, "--content-layers", "conv2_1", "--style-layers", "conv1_1"]
STYLIZE = ["stylize", "content.png", "style.png", "-o", "out.png", *QUICK]
PAGE = Path(__file__).parents[2] / "docs" / "json.md"


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command with ``--json``; gives its exit code, its document and standard error."""

    def document_of(*arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run([*arguments, "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    return document_of


def test_a_painting(printed: Any) -> None:
    code, document, said = printed(*STYLIZE, "--plot", "losses.png")
    made = documents.Painting.model_validate(document)
    assert (code, made.output, made.also_written) == (0, "out.png", ["losses.png"])
    assert (made.size, made.working_size, made.steps) == ((48, 36), (48, 36), 2)
    assert made.best_step in (1, 2)
    assert made.stopped is None
    content, style = made.inputs
    sha256 = hashlib.sha256(Path("content.png").read_bytes()).hexdigest()
    assert (content.role, content.path, content.sha256) == ("content", "content.png", sha256)
    assert style.role == "style"
    assert made.recipe["steps"] == 2
    assert "Painted out.png" in said


def test_a_plan(printed: Any) -> None:
    code, document, _ = printed(*STYLIZE, "--dry-run")
    made = documents.Plan.model_validate(document)
    assert code == 0
    assert [(level.size, level.steps, level.tiles) for level in made.levels] == [((48, 36), 2, 1)]
    assert made.levels[0].style_sizes == [(48, 36)]
    assert document["seconds"] > 0
    assert document["bytes"] > 1e8
    assert not Path("out.png").exists()


def test_a_resumed_run_and_one_that_is_painted_again(printed: Any) -> None:
    _, first, _ = printed(*STYLIZE, "--checkpoint", "run.impasto")
    for command in (["resume", "run.impasto"], ["rerun", "out.png", "--device", "cpu"]):
        code, document, _ = printed(*command, "-o", "again.png")
        assert (code, document["output"].endswith("again.png")) == (0, True)
        assert {key: document[key] for key in ("loss", "recipe", "size", "steps")} == {
            key: first[key] for key in ("loss", "recipe", "size", "steps")
        }


def test_a_sweep(printed: Any) -> None:
    sweep = ["sweep", "content.png", "style.png", "--vary", "seed=1,2", "--vary", "steps=1,2"]
    code, document, _ = printed(*sweep, "--folder", "all", "-o", "sheet.png", *QUICK)
    made = documents.Sheet.model_validate(document)
    assert (code, made.planned, made.stopped) == (0, 4, False)
    assert [one.settings for one in made.paintings] == [
        {"steps": steps, "seed": seed} for steps in ("1", "2") for seed in ("1", "2")
    ]
    for one in made.paintings:
        assert one.path is not None
        assert all(f"{name}={value}" in one.path for name, value in one.settings.items())
        assert Path(one.path).is_file()


def test_the_network(printed: Any) -> None:
    code, document, _ = printed("network", "--size", "16x16", "-o", "network.svg")
    made = documents.Network.model_validate(document)
    assert (code, made.output, len(made.layers)) == (0, "network.svg", 38)
    assert made.parameters == 20_024_384
    assert made.layers[1].size == (16, 16)
    assert made.layers[1].read_for == ["style"]
    assert made.layers[-1].size is None


def test_the_machine(printed: Any) -> None:
    code, document, _ = printed("doctor", "--device", "cpu")
    made = documents.Doctor.model_validate(document)
    assert (code, made.device) == (0, "cpu")
    assert 0 < made.memory_free <= made.memory_total
    assert made.versions["impasto"] == made.impasto


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["stylize", "gone.png", "style.png", "-o", "out.png"], 2, "input.not-found"),
        (["stylize", "content.png", "style.png", "-o", "-"], 2, "command.json-and-stdout"),
        (["stylize", "content.png"], 2, "style.none"),
        (["sweep", "content.png"], 2, "command.usage"),
        (["rerun", "content.png", "-o", "out.png"], 2, "rerun.no-recipe"),
        (["nonsense"], 2, "command.unknown"),
    ],
)
def test_an_error(arguments: list[str], code: int, error: str, printed: Any) -> None:
    ended, document, said = printed(*arguments)
    failed = documents.Failure.model_validate(document)
    assert (ended, failed.error.code) == (code, error)
    assert said == f"impasto: {failed.error.message}\n"


def test_a_run_that_fails(printed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "out.png")

    monkeypatch.setattr("impasto.run.result.Result.save", full)
    code, document, _ = printed(*STYLIZE)
    assert code == 1
    assert document["error"] == {"code": "system", "message": "No space left on device 'out.png'."}


def test_many_paintings(printed: Any) -> None:
    Path("photos").mkdir()
    for name in ("a.png", "b.png"):
        Path("photos", name).write_bytes(Path("content.png").read_bytes())
    Path("photos/broken.png").write_bytes(b"no picture")
    command = ["stylize", "photos", *STYLIZE[2:]]
    command[command.index("-o") + 1] = "out/"
    code, document, _ = printed(*command)
    states = {Path(one["content"]).name: one["state"] for one in document["paintings"]}
    assert (code, states) == (1, {"a.png": "painted", "b.png": "painted", "broken.png": "failed"})
    assert (document["planned"], document["stopped"]) == (3, False)
    first, *_, broken = document["paintings"]
    assert Path(first["output"]).is_file()
    assert first["loss"] > 0
    assert broken["error"]["code"] == "picture.not-one"
    code, document, _ = printed(*command, "-n", "--dry-run")
    assert [one["state"] for one in document["paintings"]] == ["skipped", "skipped", "failed"]
    assert code == 1


def test_a_painting_that_exists_is_skipped(printed: Any) -> None:
    Path("out.png").write_bytes(b"older")
    code, document, _ = printed(*STYLIZE, "-n")
    assert (code, [one["state"] for one in document["paintings"]]) == (0, ["skipped"])


def test_a_document_is_ascii_in_any_encoding(printed: Any) -> None:
    Path("content.png").rename("사진.png")
    _, document, _ = printed("stylize", "사진.png", *STYLIZE[2:])
    assert document["inputs"][0]["name"] == "사진.png"


@pytest.mark.parametrize("kind", Document.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_key_is_described(kind: type[Document]) -> None:
    described = {*re.findall(r"^\| `([a-z_.\[\]0-9]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)}
    assert {*keys_of(kind.model_json_schema())} <= described


def keys_of(schema: dict[str, Any]) -> list[str]:
    """The keys of a document, those of its parts after a dot."""
    definitions, found = schema.get("$defs", {}), []
    for name, field in schema["properties"].items():
        found.append(name)
        inner = field.get("$ref") or field.get("items", {}).get("$ref")
        if inner:
            part = definitions[inner.rpartition("/")[2]]
            found += [f"{name}.{key}" for key in part["properties"]]
    return found
