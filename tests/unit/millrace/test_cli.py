import msgspec
import pytest
from typer.testing import CliRunner

from infra.errors import InvalidRecord, Unavailable
from millrace import cli
from millrace.commands import views
from millrace.commands.views import key_in
from schemas.check import Problem
from sinks.views import VIEWS

COMMANDS = [
    "up",
    "down",
    "status",
    "logs",
    "doctor",
    "topics",
    "schemas",
    "publish",
    "channel",
    "user",
    "keys",
    "rebuild",
    "prove",
    "as-of",
    "diff",
    "backtest",
    "ingest",
    "origin",
    "transcoder",
    "gateway",
    "views",
    "clock",
    "worker",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_every_command(command: str) -> None:
    shown = CliRunner().invoke(cli.build(command), [command, "--help"])
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) > 5


def test_an_expected_failure_is_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away() -> None:
        raise Unavailable("Kafka at 127.0.0.1:9092 is away: start it with `millrace up`")

    monkeypatch.setattr(cli, "build", lambda *_: away)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "✗ Kafka at 127.0.0.1:9092 is away: start it with `millrace up`\n"
    )


def test_a_broken_schema_rule_fails_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    assert runner.invoke(cli.build(), ["schemas", "check"]).exit_code == 0
    broken = Problem("documented", "millrace.x.Y", "field z has no doc")
    monkeypatch.setattr("schemas.check.check", lambda: [broken])
    assert runner.invoke(cli.build(), ["schemas", "check"]).exit_code == 1


def test_topics_are_listed_with_their_writers() -> None:
    listed = CliRunner().invoke(cli.build(), ["topics", "list", "--json"])
    topics = {each["name"]: each for each in msgspec.json.decode(listed.output)}
    assert topics["broadcast-events"]["writers"]


def test_an_unknown_view_and_topology_are_refused_with_the_choices() -> None:
    for arguments, choice in (
        (["prove", "nothing"], "live-channels"),
        (["worker", "x"], "broadcast"),
    ):
        ended = CliRunner().invoke(cli.build(), arguments)
        assert choice in str(ended.exception)


def test_a_key_of_several_columns_is_typed_with_commas() -> None:
    many = next(view for view in VIEWS.values() if len(view.key) > 1)
    values = [{str: "a", int: "7"}[kind] for kind in many.key.values()]
    assert len(key_in(many, ",".join(values))) == len(values)
    with pytest.raises(InvalidRecord, match="a key has the columns"):
        key_in(many, "a")
    assert views.key_in(VIEWS["channels"], "a,b") == ("a,b",)


def test_all_views_are_those_that_the_log_could_make_again() -> None:
    chosen = {view.name for view in views._chosen("all")}
    assert "stream-history" in chosen
    assert "outcomes" not in chosen
    assert [view.name for view in views._chosen("outcomes")] == ["outcomes"]
