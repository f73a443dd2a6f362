"""What the schema accepts, the handler gets, exactly; what it refuses, the client is told."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import event, given

from reactor_runtime import ReactorModel
from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.uploads import resolve_uploads
from reactor_runtime.errors import InvalidArgument
from tests.property.declared import calls, contract_for, model_with
from tests.property.oracle import NOTHING, UPLOADS, Declared, Refused, exactly, expected, round_trips

Call = tuple[dict[str, Declared], dict[str, Any]]


def what_the_handler_must_get(parameters: dict[str, Declared], arguments: dict[str, Any]) -> dict[str, Any]:
    if set(arguments) - set(parameters):
        raise Refused
    values = {}
    for name, declared in parameters.items():
        if name in arguments:
            values[name] = expected(declared, arguments[name])
        elif declared.default is NOTHING:
            raise Refused
        else:
            values[name] = None if declared.default is None else expected(declared, declared.default)
    return values


def refusal_of(contract: Contract, arguments: dict[str, Any]) -> str | None:
    try:
        contract.check("change", arguments)
    except InvalidArgument as error:
        return str(error)
    return None


def called_with(model: type[ReactorModel], arguments: dict[str, Any]) -> str | None:
    try:
        model._handlers.commands["change"].call(model(), arguments, None)
    except InvalidArgument as error:
        return str(error)
    return None


def delivered(model: type[ReactorModel], arguments: dict[str, Any]) -> str | None:
    """The whole way of a command: checked in the server, given its files and called in the model's process."""
    schema = model._handlers.commands["change"].spec.schema
    return refusal_of(contract_for(model), arguments) or called_with(model, resolve_uploads(arguments, UPLOADS, schema))


def names_an_argument(why: str, names: set[str]) -> bool:
    return (
        why.startswith("change: ") and why.removeprefix("change: ").split(":")[0].split(".")[0].split("[")[0] in names
    )


@given(calls())
def test_a_handler_gets_exactly_what_was_promised_or_is_not_called(call: Call) -> None:
    parameters, arguments = call
    received: list[dict[str, Any]] = []
    model = model_with(parameters, received)
    try:
        right = what_the_handler_must_get(parameters, arguments)
    except Refused:
        event("refused")
        why = delivered(model, arguments)
        assert why is not None
        assert received == []
        assert names_an_argument(why, {*parameters, *arguments})
    else:
        event("accepted")
        assert delivered(model, arguments) is None
        assert exactly(received) == exactly([right])


@given(calls())
def test_both_processes_say_the_same_of_every_command(call: Call) -> None:
    parameters, arguments = call
    model = model_with(parameters, [])
    there, here = refusal_of(contract_for(model), arguments), called_with(model, arguments)
    if here is not None and here.endswith("is not there"):
        event("an upload")  # only the process that holds the files can tell
        assert there is None
    else:
        assert here == there


@given(calls())
def test_every_schema_is_one_and_the_judge_agrees_with_it(call: Call) -> None:
    parameters, arguments = call
    model = model_with(parameters, [])
    schema = model._handlers.commands["change"].spec.schema
    jsonschema.Draft202012Validator.check_schema(schema)
    for carry in round_trips:
        assert exactly(carry(schema)) == exactly(schema)
    judged = refusal_of(contract_for(model), arguments) is None
    assert judged == jsonschema.Draft202012Validator(schema).is_valid(arguments)


@given(calls())
def test_every_wire_carries_arguments_unchanged(call: Call) -> None:
    _, arguments = call
    for carry in round_trips:
        assert exactly(carry(arguments)) == exactly(arguments)
