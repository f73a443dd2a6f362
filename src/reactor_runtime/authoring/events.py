"""Handlers of generation 2: `@event` for commands, `@connected` and `@disconnected` for clients coming and going."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, get_args

from reactor_runtime.authoring.annotations import resolve
from reactor_runtime.authoring.contract import CommandSpec
from reactor_runtime.authoring.field_info import MISSING
from reactor_runtime.authoring.fields import Field, compile_field, convert_fields, object_schema
from reactor_runtime.authoring.messages import ModelMessage, name_of, spoken
from reactor_runtime.authoring.names import place
from reactor_runtime.authoring.uploads import UploadedFile
from reactor_runtime.errors import ContractError, InvalidArgument

F = TypeVar("F", bound=Callable[..., Any])
Say = Callable[..., None]

CLIENT = "client"
"""Reserved parameter: a handler that declares it is given the `ClientInfo` of the sender."""

_MARK = "__reactor_mark__"
_HOOKS = ("connected", "disconnected", "file_uploaded")
_RESERVED = ("connected", "disconnected")


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """One client of the session.

    Attributes:
        id: Unique within the session.
        joined_at: When it joined, in monotonic seconds.
    """

    id: int
    joined_at: float
    _say: Say

    async def send(self, message: ModelMessage) -> None:
        """Send a message to this client alone; dropped if it is gone.

        Raises:
            AuthorError: It is no `ModelMessage` or cannot be encoded.
        """
        content, name = spoken(message)
        self._say(content, name=name, client_id=self.id)


@dataclass(frozen=True, slots=True)
class Event:
    """A command as `events()` tells of it: its name and the arguments that the client sent."""

    name: str
    arguments: Mapping[str, Any]
    client: ClientInfo | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """A client joined."""

    client: ClientInfo


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A client has left."""

    client: ClientInfo


@dataclass(frozen=True, slots=True)
class FileUploaded:
    """A client's upload is complete."""

    uploaded_file: UploadedFile
    client: ClientInfo | None = None


@dataclass(frozen=True, slots=True)
class _Mark:
    kind: str
    name: str = ""
    description: str = ""
    dedupe: bool = False
    flush: bool = False


def event(*, name: str, description: str = "", dedupe: bool = False, flush: bool = False) -> Callable[[F], F]:
    """Mark a method, sync or async, as the handler of a command that clients may send.

    Its parameters, annotated and optionally defaulted with `InputField`, become the command's arguments. A
    `ModelMessage` that it returns is the reply; `CommandError` refuses the command.

    Args:
        name: What clients call it.
        description: Shown to people.
        dedupe: Leave out a command that a newer one of the same client and name already waits behind, as with a slider;
            the newest keeps its place in the order.
        flush: Show nothing that was made before the handler ran: what waits to be shown, or emitted, is dropped as
            soon as the command arrives, and the last picture stays until the first one that was begun afterwards.
    """
    return lambda function: _mark(function, _Mark("event", name, description, dedupe, flush))


def connected(function: F) -> F:
    """Mark a method, sync or async, to run when a client joins; `self.connected` is set before."""
    return _mark(function, _Mark("connected"))


def disconnected(function: F) -> F:
    """Mark a method, sync or async, to run when a client has left; after the last one `self.connected` is clear."""
    return _mark(function, _Mark("disconnected"))


def file_uploaded(function: F) -> F:
    """Mark a method, sync or async, to run when a client says that its upload is complete.

    It takes the `UploadedFile` as `uploaded_file`.
    """
    return _mark(function, _Mark("file_uploaded"))


def _mark(function: F, mark: _Mark) -> F:
    setattr(function, _MARK, mark)
    return function


class Handler(Protocol):
    """What handles one command."""

    @property
    def spec(self) -> CommandSpec:
        """What clients are told of it."""

    @property
    def dedupe(self) -> bool:
        """Whether a newer one of the same client makes it pointless."""

    @property
    def flush(self) -> bool:
        """Whether nothing that was made before it is to be shown any more."""

    def call(self, model: Any, arguments: Mapping[str, Any], client: ClientInfo | None) -> Any:
        """Handle the command; returns what the author's code returns, perhaps a coroutine.

        Raises:
            InvalidArgument: An argument does not fit; nothing was done.
        """


@dataclass(frozen=True, slots=True)
class Command:
    """One compiled `@event` handler.

    Attributes:
        method: Name of the method that handles it.
    """

    spec: CommandSpec
    method: str
    fields: tuple[Field, ...]
    takes_client: bool
    dedupe: bool
    flush: bool

    def call(self, model: object, arguments: Mapping[str, Any], client: ClientInfo | None) -> Any:
        """Call the handler with converted arguments; returns what it returns, perhaps a coroutine.

        Raises:
            InvalidArgument: An argument does not fit; the handler was not called.
        """
        try:
            converted = convert_fields(self.fields, arguments)
        except ValueError as error:
            raise InvalidArgument(f"{self.spec.name}: {error}") from error
        if self.takes_client:
            converted[CLIENT] = client
        return getattr(model, self.method)(**converted)


@dataclass(frozen=True, slots=True)
class Hook:
    """One compiled `@connected`, `@disconnected` or `@file_uploaded` handler."""

    method: str
    takes_client: bool

    def call(self, model: object, client: ClientInfo | None, **arguments: Any) -> Awaitable[None] | None:
        """Call the hook; returns what it returns, perhaps a coroutine."""
        if self.takes_client:
            arguments[CLIENT] = client
        result: Awaitable[None] | None = getattr(model, self.method)(**arguments)
        return result


@dataclass(frozen=True, slots=True)
class Handlers:
    """All decorated methods of one model class, bases included."""

    commands: Mapping[str, Handler]
    connected: tuple[Hook, ...]
    disconnected: tuple[Hook, ...]
    file_uploaded: tuple[Hook, ...]


def handlers_of(cls: type) -> Handlers:
    """Compile the decorated methods of a class; an override counts for what it overrides.

    Raises:
        ContractError: One of them is declared wrongly, or two share a command name.
    """
    marks: dict[str, _Mark] = {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            if isinstance(mark := getattr(value, _MARK, None), _Mark):
                marks[attribute] = mark
    inside = {n: v for base in reversed(cls.__mro__) for n, v in vars(base).items() if isinstance(v, type)}
    commands: dict[str, Command] = {}
    hooks: dict[str, list[Hook]] = {kind: [] for kind in _HOOKS}
    for method, mark in marks.items():
        function = getattr(cls, method)
        where = place(function)
        if isinstance(inspect.getattr_static(cls, method), (staticmethod, classmethod)):
            raise ContractError(f"{where}: a handler takes self; it is no static or class method")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ContractError(f"{where}: a handler that yields would never run; return a message, or send")
        parameters = _parameters(function, where)
        takes_client = _takes_client(parameters, where)
        if mark.kind != "event":
            _check_hook(mark.kind, list(parameters), where)
            hooks[mark.kind].append(Hook(method, takes_client))
            continue
        _check_name(mark.name, commands, where)
        namespace = {**inspect.unwrap(function).__globals__, **inside}
        fields = tuple(
            compile_field(p.name, resolve(p.annotation, namespace, where), _default(p), where)
            for p in parameters.values()
        )
        spec = CommandSpec(mark.name, mark.description, object_schema(fields), reply=_reply(function))
        commands[mark.name] = Command(spec, method, fields, takes_client, mark.dedupe, mark.flush)
    return Handlers(commands, *(tuple(hooks[kind]) for kind in _HOOKS))


def _check_hook(kind: str, parameters: list[str], where: str) -> None:
    if kind == "file_uploaded" and parameters != ["uploaded_file"]:
        raise ContractError(
            f"{where}: @file_uploaded handler must take exactly one parameter named 'uploaded_file' "
            f"(plus optional reserved parameters), got: {parameters}"
        )
    if kind != "file_uploaded" and parameters:
        raise ContractError(f"{where}: a @{kind} handler takes no parameter but 'client', got {parameters}")


def _parameters(function: Callable[..., Any], where: str) -> dict[str, inspect.Parameter]:
    parameters = dict(list(inspect.signature(function).parameters.items())[1:])
    for parameter in parameters.values():
        if parameter.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
            bare = parameter.replace(annotation=inspect.Parameter.empty)
            raise ContractError(f"{where}: {bare} cannot be filled by name; write one parameter per argument")
    return parameters


def _takes_client(parameters: dict[str, inspect.Parameter], where: str) -> bool:
    """Take the reserved parameter out, where there is one."""
    parameter = parameters.pop(CLIENT, None)
    if parameter is not None and parameter.annotation in (str, int, float, bool, "str", "int", "float", "bool"):
        raise ContractError(
            f"{where}: the parameter name 'client' is reserved for the ClientInfo of the sender; give an argument of "
            "the command another name"
        )
    return parameter is not None


def _default(parameter: inspect.Parameter) -> Any:
    return MISSING if parameter.default is inspect.Parameter.empty else parameter.default


def _check_name(name: object, taken: Mapping[str, Command], where: str) -> None:
    if not isinstance(name, str) or not name:
        raise ContractError(f"{where}: @event(name={name!r}): the name is a text that is not empty")
    if name in _RESERVED:
        raise ContractError(
            f"{where}: @event(name={name!r}) is reserved for a lifecycle hook; use @connected / @disconnected instead."
        )
    if name in taken:
        raise ContractError(f"{where}: duplicate command name {name!r}; {taken[name].method} has it already")


def _reply(function: Callable[..., Any]) -> str | None:
    """Return the message a handler is annotated to reply with; an annotation that says nothing of it is no error."""
    annotation = inspect.signature(function).return_annotation
    try:
        annotation = resolve(annotation, inspect.unwrap(function).__globals__, "")
    except ContractError:
        return None
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, ModelMessage):
            return name_of(candidate)
    return None
