# pyright: basic
"""Replay dialogues between a host and an agent through the library's connection, against a scripted guest."""

from __future__ import annotations

import asyncio
import json
import pathlib
from collections.abc import Coroutine
from typing import Any

import jsonschema
import pytest

from tools.sandbox import errors, guest_testing, program, responses, schema, wire
from tools.sandbox.agent import Agent
from tools.sandbox.guest_testing import Guest

_TRANSCRIPTS = sorted(pathlib.Path(__file__).parents[2].glob("agents/protocol/transcripts/*.jsonl"))
_REQUEST = jsonschema.Draft202012Validator({"$ref": "#/$defs/request", "$defs": dict(schema.DEFINITIONS)})
_RESPONSE = jsonschema.Draft202012Validator({"$ref": "#/$defs/response", "$defs": dict(schema.DEFINITIONS)})


def _turns(path: pathlib.Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the lines of host and guest, in order."""
    title, *lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert list(title) == ["title"]
    turns = [next(iter(line.items())) for line in lines if len(line) == 1]
    assert len(turns) == len(lines) and {side for side, _ in turns} == {"host", "guest"}
    return turns


def _without_nulls(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if value is not None}


def test_transcripts_are_found() -> None:
    assert len(_TRANSCRIPTS) >= 2


@pytest.mark.parametrize("path", _TRANSCRIPTS, ids=lambda path: path.stem)
def test_lines_follow_the_schema(path: pathlib.Path) -> None:
    turns = _turns(path)
    for place, (side, value) in enumerate(turns):
        if side == "guest":
            _RESPONSE.validate(value)
        elif not _REQUEST.is_valid(value):
            # A deliberately broken request gets an error.
            answers = [
                said for who, said in turns[place:] if who == "guest" and said.get("op_id") == value.get("op_id")
            ]
            assert answers and answers[0]["type"] == "error", value


@pytest.mark.parametrize("path", _TRANSCRIPTS, ids=lambda path: path.stem)
@guest_testing.connect()
async def test_responses_pass_the_connection(guest: Guest, agent: Agent, path: pathlib.Path) -> None:
    channels = {op_id: agent.connection.open(op_id) for op_id in {value.get("op_id") for _, value in _turns(path)}}
    for side, value in _turns(path):
        if side == "host":
            await agent.connection.send(value)
            assert await guest.request() == value
            continue
        await guest.say(value)
        found = await channels[value.get("op_id")].receive(60)
        assert type(found) is responses.TYPES[value["type"]]
        expected = wire.parse(json.dumps(value).encode())
        assert expected and expected.response == found


def _call(agent: Agent, request: dict[str, Any]) -> Coroutine[Any, Any, Any] | None:
    """Return the library's call that sends a request, if there is one."""
    fields = {name: value for name, value in request.items() if name not in ("action", "op_id")}
    match request["action"]:
        case "ping":
            return agent.ping(60)
        case "hello":
            return agent.hello(**fields)
        case "exec" if not {"stdin", "pty"} & fields.keys():
            return agent.run(**fields)
        case "install_packages":
            return agent.install_packages(**fields)
        case "warm_repl" | "list_files" | "stat" | "mkdir" | "remove" | "metrics" | "shutdown" | "move" | "clock":
            return getattr(agent, request["action"])(**fields)
        case "read_file":
            return agent.read_file(**fields)
        case _:
            return None


def _responses(turns: list[tuple[str, dict[str, Any]]], request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the responses to the request at the beginning of the turns, up to its last one."""
    last = schema.DEFINITIONS[f"request_{request['action']}"]["x-responses"]["last"]
    said = list[dict[str, Any]]()
    for side, value in turns:
        if side == "guest" and value.get("op_id") == request.get("op_id"):
            said.append(value)
            if value["type"] in (last, "error"):
                break
    return said


@pytest.mark.parametrize("path", _TRANSCRIPTS, ids=lambda path: path.stem)
@guest_testing.connect()
async def test_library_sends_the_same_requests(guest: Guest, agent: Agent, path: pathlib.Path) -> None:
    """One call after the other, each with its responses."""
    turns = _turns(path)
    for place, (side, request) in enumerate(turns):
        if side == "guest" or not _REQUEST.is_valid(request) or not (call := _call(agent, request)):
            continue
        task = asyncio.create_task(call)
        sent = await guest.request()
        # The library does not reveal its defaults, and may send them.
        defaults = {name: sent[name] for name in sent.keys() - request.keys() - {"op_id"}}
        assert all(value in (0, 1, "", False, 60, 300) or value == {} for value in defaults.values()), defaults
        assert {**sent, "op_id": ""} == {**defaults, **_without_nulls(request), "op_id": ""}
        said = _responses(turns[place:], request)
        await guest.say(*[{**value, "op_id": sent["op_id"]} for value in said])
        if said[-1]["type"] == "error":
            with pytest.raises(errors.AgentError) as caught:
                await task
            assert caught.value.error_type == said[-1]["error_type"]
        elif isinstance(done := await task, program.Completed):
            for stream in ("stdout", "stderr"):
                chunks = [value["chunk"] for value in said if value["type"] == stream]
                assert getattr(done, stream) == "".join(chunks)
