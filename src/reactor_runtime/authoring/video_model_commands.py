"""Commands of generation 1: `@command` methods, their arguments coerced and limited by pydantic."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from reactor_runtime.authoring.annotations import resolve
from reactor_runtime.authoring.contract import CommandSpec
from reactor_runtime.authoring.events import handlers_of
from reactor_runtime.authoring.field_info import FieldInfo
from reactor_runtime.authoring.names import place
from reactor_runtime.errors import ContractError, InvalidArgument

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__reactor_command__"


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    description: str


def command(name: str, description: str = "") -> Callable[[F], F]:
    """Mark a method, sync or async, as the handler of a command that clients may send.

    Its signature becomes a pydantic model: values are coerced leniently, and `pydantic.Field` sets limits. A dict
    that it returns is sent to the client; `CommandError` refuses the command.

    Args:
        name: What clients call it.
        description: Shown to people.

    Raises:
        ContractError: The name is no text.
    """
    given: object = name
    if inspect.isfunction(given):
        raise ContractError(f'{place(given)}: @command needs a name: write @command("{given.__name__}")')
    if not isinstance(given, str) or not given:
        raise ContractError(f"@command({given!r}): the name is a text that is not empty")

    def mark(function: F) -> F:
        setattr(function, _MARK, _Mark(name, str(description or "")))
        return function

    return mark


class Command:
    """One compiled `@command` handler."""

    def __init__(self, name: str, description: str, method: str, function: Callable[..., Any]) -> None:
        self.method = method
        self._parameters = _parameters(function)
        self._arguments, schema = _argument_model(name, self._parameters, place(function))
        self.spec = CommandSpec(name, description, schema, checked_by="worker")

    def call(self, model: object, arguments: Mapping[str, Any]) -> Any:
        """Call the handler with coerced arguments; returns what it returns, perhaps a coroutine.

        Raises:
            InvalidArgument: Arguments do not fit, one line for each; the handler was not called.
        """
        from pydantic import ValidationError

        try:
            checked = self._arguments.model_validate(dict(arguments))
        except ValidationError as error:
            lines = [
                f"{self.spec.name}: {'.'.join(str(part) for part in e['loc'])}: {e['msg']}"
                + ("" if e["type"] == "missing" else f", got {e['input']!r}")
                for e in error.errors(include_url=False, include_context=False)
            ]
            raise InvalidArgument("\n".join(lines)) from error
        values = {parameter.name: getattr(checked, f"argument_{n}") for n, parameter in enumerate(self._parameters)}
        return getattr(model, self.method)(**values)


def commands_of(cls: type) -> dict[str, Command]:
    """Compile the `@command` methods of a class, by command name.

    Raises:
        ContractError: Two share a name, a handler is no method, or its signature cannot be filled by name; or a method
            is marked as those of generation 2 are.
    """
    marks: dict[str, tuple[_Mark, object]] = {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            function = getattr(value, "__func__", value) if not isinstance(value, property) else value.fget
            if isinstance(mark := getattr(function, _MARK, getattr(value, _MARK, None)), _Mark):
                marks[attribute] = mark, value
    commands: dict[str, Command] = {}
    for method, (mark, value) in marks.items():
        if isinstance(value, staticmethod | classmethod | property | type):
            raise ContractError(
                f"{place(cls)}: @command({mark.name!r}) marks {method}, a {type(value).__name__}: "
                f"write it as a method, def {method}(self, ...)"
            )
        function = getattr(cls, method)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ContractError(
                f"{place(function)}: @command({mark.name!r}) marks a generator, which would never run: "
                "write it without yield, and use get_ctx().send() for several answers"
            )
        if mark.name in commands:
            raise ContractError(
                f"{place(function)}: duplicate command name {mark.name!r}; {commands[mark.name].method} has it already"
            )
        commands[mark.name] = Command(mark.name, mark.description, method, function)
    _refuse_generation_2(cls)
    return commands


def _refuse_generation_2(cls: type) -> None:
    handlers = handlers_of(cls)
    hooks = {"connected": handlers.connected, "disconnected": handlers.disconnected}
    marked = [f"@event(name={name!r})" for name in handlers.commands]
    marked += [f"@{kind} on {hook.method}" for kind, found in hooks.items() for hook in found]
    marked += [f"@file_uploaded on {hook.method}" for hook in handlers.file_uploaded]
    if marked:
        raise ContractError(
            f"{place(cls)}: {marked[0]} is for a ReactorModel; what clients may do to a VideoModel is marked @command"
        )


def _parameters(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """Return what a handler takes besides `self`.

    Raises:
        ContractError: A parameter cannot be filled by name.
    """
    parameters = tuple(inspect.signature(function).parameters.values())
    if not parameters:
        raise ContractError(f"{place(function)}: a handler takes self first: def {function.__name__}(self, ...)")
    for parameter in parameters[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            bare = parameter.replace(annotation=inspect.Parameter.empty)
            raise ContractError(f"{place(function)}: {bare} cannot be filled by name; write one parameter per argument")
        if isinstance(parameter.default, FieldInfo):
            raise ContractError(
                f"{place(function)}: {parameter.name} = InputField(...) belongs to an @event of generation 2: "
                "write Field(...) from pydantic"
            )
    return tuple(
        parameter
        if parameter.annotation is parameter.empty
        else parameter.replace(
            annotation=resolve(
                parameter.annotation, inspect.unwrap(function).__globals__, f"{place(function)}: {parameter.name}"
            )
        )
        for parameter in parameters[1:]
    )


def _argument_model(name: str, parameters: tuple[inspect.Parameter, ...], where: str) -> tuple[Any, dict[str, Any]]:
    """Return the pydantic model of a handler's arguments and its JSON Schema."""
    from pydantic import ConfigDict, Field, create_model

    fields: dict[str, Any] = {}
    for n, parameter in enumerate(parameters):
        hint: Any = Any if parameter.annotation is parameter.empty else parameter.annotation
        # By an alias, a parameter may be called `json`, `copy` or `_x`, which pydantic has its own use for.
        fields[f"argument_{n}"] = (
            Annotated[hint, Field(alias=parameter.name)],
            ... if parameter.default is parameter.empty else parameter.default,
        )
    try:
        arguments: Any = create_model(name, __config__=ConfigDict(protected_namespaces=()), **fields)
        return arguments, _untitled(arguments.model_json_schema())
    except Exception as error:  # what an author's annotation asks of pydantic may raise anything
        if len(parameters) > 1:
            for parameter in parameters:  # alone, the one that is wrong names itself
                _argument_model(name, (parameter,), where)
        written = ", ".join(str(parameter.replace(default=parameter.empty)) for parameter in parameters)
        told = " ".join(str(error).partition("\n\n")[0].split())
        raise ContractError(
            f"{where}: {written} cannot be checked; write a type that JSON can carry, or a pydantic model ({told})"
        ) from error


def _untitled(schema: Any) -> Any:
    """Drop the titles pydantic makes up from the names; a property may itself be called `title`."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: _untitled(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
