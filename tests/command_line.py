"""The command line called in this process, and what it said."""

from __future__ import annotations

import signal

import pytest

from replicator.cli.main import main


def called(*arguments: object) -> int:
    """Run the command in this process; its exit code."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def error_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert printed.out == ""
    return [line for line in printed.err.splitlines() if line.startswith("error: ")]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = error_lines(capsys)
    assert len(lines) == 1, lines
    return lines[0]


def hears_interrupts() -> None:
    """What a child does before it becomes the command: a shell has its background jobs ignore Ctrl-C, and they pass
    that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
