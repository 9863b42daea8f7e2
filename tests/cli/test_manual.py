"""What ``--help`` teaches, and what the shell completes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperOption

from impasto.cli.app import app, run
from impasto.cli.manual import EXAMPLES
from impasto.settings.presets import PRESETS, PURPOSES
from impasto.settings.recipe import Recipe

GROUP = typer.main.get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]


def help_of(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([command, "--help"]) == 0
    return capsys.readouterr().out


def as_one_line(text: str) -> str:
    return " ".join(text.split())


# -------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_has_a_description_and_a_default(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of(command, capsys, monkeypatch)
    options = [one for one in COMMANDS[command].params if isinstance(one, TyperOption)]
    for option in options:
        assert option.help, option.name
        (entry,) = re.findall(
            rf"^  (?:-\w, )?{option.opts[0]}\b(?!-).*?(?=^  -|^\w|\Z)",
            shown,
            re.DOTALL | re.MULTILINE,
        ) or [""]
        assert re.search(r"\[.*(default: |required).*\]", as_one_line(entry)), (option.name, entry)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_into_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of(command, capsys, monkeypatch)
    prose = [line for line in shown.splitlines() if not re.match(r"  (-|impasto )", line)]
    assert max(map(len, prose)) <= 80


@pytest.mark.parametrize(
    ("flag", "default"),
    [
        ("--size", "512; presets differ; 1 to 32768 pixels a side"),
        ("--strength", "0.7, unless beta is set; 0 to 1"),
        ("--style-scale", "1; above 0, at most 10"),
        ("--rescale / --no-rescale", "off; presets differ"),
        ("--content-layers", "conv3_2:0.5, conv4_2:1; presets differ; weights from 0"),
        ("--padding", "replicate; presets differ"),
        ("--tv", "anisotropic"),
    ],
)
def test_a_setting_s_default_is_its_field_s_and_says_where_presets_differ(
    flag: str,
    default: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = as_one_line(help_of("stylize", capsys, monkeypatch))
    assert re.search(rf" {flag} [^\[]*\[default: {re.escape(default)}\]", shown)


def test_the_usage_line_has_the_usual_form(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of("stylize", capsys, monkeypatch)
    assert shown.startswith("Usage: impasto stylize [OPTIONS] CONTENT… [STYLE]\n")


def test_every_preset_is_explained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PURPOSES.keys() == PRESETS.keys()
    shown = as_one_line(help_of("stylize", capsys, monkeypatch))
    for name, purpose in PURPOSES.items():
        assert f" {name} {purpose}" in shown
        size = PRESETS[name].get("size", Recipe().size)
        assert isinstance(size, tuple) or name == "gatys-fast" or f"{size} pixels" in purpose


def test_every_command_has_an_example_that_its_parser_takes() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()
    for command, examples in EXAMPLES.items():
        for example in examples:
            program, name, *arguments = shlex.split(example)
            assert (program, name) == ("impasto", command)
            COMMANDS[command].make_context(command, arguments)


def test_examples_end_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of("stylize", capsys, monkeypatch)
    lines = [f"  {example}" for example in EXAMPLES["stylize"]]
    assert shown.rstrip("\n").splitlines()[-3:] == ["Examples:", *lines]


def test_help_imports_no_torch() -> None:
    code = (
        "import sys; from impasto.cli.app import run; run(['stylize', '--help']); "
        "sys.exit('torch' in sys.modules or 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version_has_a_short_flag(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([flag]) == 0
    assert capsys.readouterr().out.startswith("impasto ")


# -------------------------------------------------------------------------------- completion


def process(**environment: str) -> subprocess.CompletedProcess[str]:
    """The real program, called as a shell does that completes a command line."""
    code = "import sys; from impasto.cli.app import run; sys.exit(run())"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def asked_by_bash(line: str) -> dict[str, str]:
    words = line.split(" ")
    return {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}


def completed(shell: str, line: str) -> list[str]:
    """What a shell offers at the end of a command line."""
    asked = {
        "bash": asked_by_bash(line),
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = process(_IMPASTO_COMPLETE=f"complete_{shell}", **asked)
    assert (done.returncode, done.stderr) == (0, "")
    if shell == "zsh":
        return re.findall(r'^(?:_arguments .*?)?"(.+?)"', done.stdout, re.MULTILINE)
    return [one.split("\t")[0] for one in done.stdout.splitlines() if one]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_are_completed(shell: str) -> None:
    assert completed(shell, "impasto re") == ["resume", "rerun", "reconstruct"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("impasto stylize a.jpg --style-s", ["--style-scale", "--style-symmetry"]),
        ("impasto stylize a.jpg --preset gat", ["gatys", "gatys-fast"]),
        ("impasto stylize a.jpg --optimizer ", ["lbfgs", "adam"]),
        ("impasto stylize a.jpg --size o", ["original"]),
        ("impasto stylize a.jpg --initial noi", ["noisy-content", "noise"]),
        ("impasto stylize a.jpg --device c", ["cpu", "cuda"]),
        ("impasto rerun a.png --set stre", ["strength="]),
        ("impasto stylize phot", []),  # where nothing is offered, the shell offers files
        ("impasto stylize a.jpg -o ou", []),
    ],
)
def test_flags_and_fixed_words_are_completed(
    line: str,
    offered: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"_IMPASTO_COMPLETE": "complete_bash", **asked_by_bash(line)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        run([])
    assert capsys.readouterr().out.split() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_shown_and_installed(shell: str, tmp_path: Path) -> None:
    code = "import sys; from impasto.cli.app import run; sys.exit(run(sys.argv[1:]))"
    for flag in ("--show-completion", "--install-completion"):
        done = subprocess.run(
            [sys.executable, "-c", code, flag, shell],
            env={
                **os.environ,
                "HOME": str(tmp_path),
                "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert shell in done.stdout
    installed = [path.read_text() for path in tmp_path.rglob("*impasto*") if path.is_file()]
    assert any("_IMPASTO_COMPLETE" in text for text in installed)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_runs_the_script(tmp_path: Path) -> None:
    program = tmp_path / "impasto"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom impasto.cli.app import run\nsys.exit(run())\n"
    )
    program.chmod(0o755)
    script = process(_IMPASTO_COMPLETE="source_bash").stdout
    asks = (
        "COMP_WORDS=(impasto stylize a.jpg --preset fi); COMP_CWORD=4; _impasto_completion impasto"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", f'{script}\n{asks}\necho "${{COMPREPLY[@]}}"'],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "fine\n"
