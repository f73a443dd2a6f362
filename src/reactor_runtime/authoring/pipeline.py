"""Generation 2: `ReactorPipeline`, a generator of outputs that is steered by a typed state."""

from __future__ import annotations

import collections
import copy
import dataclasses
import inspect
import math
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, ClassVar, Final, Self, TypeVar

from reactor_runtime.authoring.annotations import resolve, written_in
from reactor_runtime.authoring.contract import CommandSpec
from reactor_runtime.authoring.events import ClientInfo
from reactor_runtime.authoring.field_info import MISSING, FieldInfo, suit_dataclass
from reactor_runtime.authoring.fields import Field, compile_field, convert_fields, object_schema
from reactor_runtime.authoring.names import annotations_of, place, visible
from reactor_runtime.authoring.reactor_model import ReactorModel, never_none
from reactor_runtime.authoring.tracks import Output
from reactor_runtime.authoring.uploads import UploadedFile
from reactor_runtime.errors import AuthorError, ContractError, InvalidArgument


class IdleType:
    """The type of `Idle`."""

    def __repr__(self) -> str:
        return "Idle"


Idle: Final = IdleType()
"""Yielded by `inference()` where there is nothing to show now."""


class InputState:
    """What clients steer. A public annotated field makes a `set_<field>` command; one that begins with `_` is private.

    Fields are declared like parameters of an event, with plain defaults or `InputField`. A field without a default
    starts as the zero of its type, and its command needs a value. A state is built when the first client joins and
    thrown away when the last one has left. Works with and without `@dataclass` on the subclass.
    """

    _public: ClassVar[Mapping[str, Field]] = {}
    _private: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        where, own, annotated = place(cls), dict(vars(cls)), inspect.get_annotations(cls)
        if "_public" in own:
            return  # @dataclass(slots=True) makes a finished class once more
        public, private = dict(cls._public), dict(cls._private)
        defaults_seen = False
        for name, hint in _hints(cls, where).items():
            declared = own.get(name, MISSING)
            if declared is MISSING and name not in annotated:
                continue  # a base class declares it
            if name.startswith("_"):
                private[name] = declared
                continue
            if hint is UploadedFile and declared is MISSING:
                hint, declared = hint | None, None
            public[name] = _compiled(name, hint, declared, where)
            if isinstance(declared, FieldInfo) or declared is None or declared is MISSING:
                suit_dataclass(cls, name, public[name].default, after_default=defaults_seen)
            defaults_seen = defaults_seen or not public[name].required
        if stray := [n for n, value in own.items() if isinstance(value, FieldInfo) and n not in public]:
            raise ContractError(f"{where}.{stray[0]}: a state field needs an annotation, as in `{stray[0]}: int`")
        cls._public, cls._private = public, private

    def __init__(self, **values: Any) -> None:
        for name, field in self._public.items():
            setattr(self, name, values.pop(name, starting_value(field)))
        for name, default in self._private.items():
            setattr(self, name, values.pop(name, _fresh(default)))
        if values:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(values))!r}; it has {list(self._public)}")


def _hints(cls: type, where: str) -> dict[str, Any]:
    """Return the fields of a state with their types, base first; what a private one is annotated with is no matter."""
    return {
        name: Any if name.startswith("_") else resolve(annotation, names, f"{where}: {name}")
        for name, annotation, names in written_in(cls)
        if "ClassVar" not in str(annotation)
    }


def _compiled(name: str, hint: Any, declared: Any, where: str) -> Field:
    if isinstance(declared, dataclasses.Field):
        if declared.default_factory is not MISSING:
            raise ContractError(
                f"{where}: {name}: field(default_factory=...) is not supported for what clients set. Annotate it "
                f"`... | None = None`, or begin its name with an underscore: then it is the model's own"
            )
        declared = declared.default
    try:
        return compile_field(name, hint, declared, where)
    except ContractError as error:
        if not isinstance(error.__cause__, TypeError):
            raise
        raise ContractError(f"{error} A field that clients do not set begins with an underscore: _{name}.") from error


def new_state(cls: type[InputState]) -> InputState:
    """Build a state as a session's first client finds it.

    Raises:
        AuthorError: The author's constructor raised.
    """
    missing: dict[str, Any] = {}
    if dataclasses.is_dataclass(cls):
        missing = {
            f.name: starting_value(cls._public[f.name]) if f.name in cls._public else None
            for f in dataclasses.fields(cls)
            if f.init and f.default is MISSING and f.default_factory is MISSING
        }
    try:
        state = cls(**missing)
    except Exception as error:
        raise AuthorError(f"{place(cls)}: the state cannot be built: {type(error).__name__}: {error}") from error
    # A dataclass knows nothing of the fields of a base that is none, nor an author's own constructor of any.
    for name in (*cls._public, *cls._private):
        if not _is_set(state, name):
            is_public = name in cls._public
            setattr(state, name, starting_value(cls._public[name]) if is_public else _fresh(cls._private[name]))
    return state


def _is_set(state: InputState, name: str) -> bool:
    in_slot = inspect.ismemberdescriptor(getattr(type(state), name, None))
    return hasattr(state, name) if in_slot else name in vars(state)


def starting_value(field: Field) -> Any:
    """Return the default of a field, or the zero of its type where it has none."""
    return _zero(field.schema, field.convert) if field.required else copy.deepcopy(field.default)


def _zero(schema: Mapping[str, Any], convert: Callable[[Any], Any]) -> Any:
    if "enum" in schema:
        return convert(schema["enum"][0])
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return convert(min(max(0, schema.get("minimum", 0)), schema.get("maximum", math.inf)))
    if kind == "object":
        try:
            return convert({})
        except ValueError:
            return None
    return {"string": "", "boolean": False, "array": []}.get(str(kind))


def _fresh(default: Any) -> Any:
    if isinstance(default, dataclasses.Field):
        factory: Any = default.default_factory
        if factory is not MISSING:
            return factory()
        default = default.default
    if default is MISSING:
        return None
    # What is changed in place must not be found changed by the next session.
    changeable = isinstance(default, (list, dict, set, bytearray, collections.deque)) or hasattr(default, "__array__")
    return copy.deepcopy(default) if changeable else default


@dataclasses.dataclass(frozen=True, slots=True)
class Setter:
    """The command that sets one public field of the state."""

    field: Field
    spec: CommandSpec
    dedupe: bool = False
    flush: bool = False

    @classmethod
    def of(cls, field: Field) -> Self:
        """Return the setter of a field."""
        text = str(field.schema.get("description") or f"Set {field.name}")
        return cls(field, CommandSpec(f"set_{field.name}", text, object_schema([field])))

    def call(self, model: Any, arguments: Mapping[str, Any], client: ClientInfo | None) -> None:
        """Set the field; without an argument, to its default.

        Raises:
            InvalidArgument: The argument does not fit; the state is as it was.
        """
        try:
            values = convert_fields([self.field], arguments)
        except ValueError as error:
            raise InvalidArgument(f"{self.spec.name}: {error}") from error
        setattr(model.state, self.field.name, values[self.field.name])


Yielded = Output | IdleType | None | Any
"""What `inference` may yield: an `Output`, a bare array where the model has one track, `Idle` or None for nothing."""


class ReactorPipeline(ReactorModel):
    """Base of a model that is a generator. Declare `state: MyState`, override `load` and `inference`.

    A cycle lasts from the first client in to the last one out: it has a fresh state, and a fresh generator that is
    closed at its end. Handlers, hooks and setters run between two yields, or while the generator waits for input.

    Attributes:
        state: The live state, never None while the model runs.
    """

    state: Any
    _state_class: ClassVar[type[InputState] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = vars(cls).get("state_class") or never_none(dict(annotations_of(cls)).get("state"))
        if isinstance(declared, type) and issubclass(declared, InputState):
            cls._state_class = declared
        elif declared not in (None, Any) and not isinstance(declared, TypeVar):
            raise ContractError(f"{place(cls)}: state is annotated {declared!r}; it is a subclass of InputState")
        if cls._state_class is not None:
            setters = {s.spec.name: s for s in map(Setter.of, cls._state_class._public.values())}
            written = cls._handlers.commands
            cls._handlers = dataclasses.replace(cls._handlers, commands={**setters, **written})

    @classmethod
    def _check_definition(cls) -> None:
        state_class_of(cls)

    async def run(self) -> None:
        """Run `inference` for whoever watches. An override that does without ends with `await super().run()`."""
        await self._on_stage().cycle()

    def inference(self) -> Iterable[Yielded] | AsyncIterable[Yielded]:
        """Yield outputs, sync or async, for as long as there is something to show; begun anew when it ends."""
        raise AuthorError(f"{type(self).__name__} must define inference()")

    def _check_loaded(self) -> None:
        cls = type(self)
        chosen = getattr(self.inference, "__func__", self.inference)
        if chosen is ReactorPipeline.inference and cls.run is ReactorPipeline.run:
            raise AuthorError(f"{place(cls)}: {cls.__name__} must define inference(), or load() set self.inference")


def state_class_of(cls: type[ReactorPipeline]) -> type[InputState]:
    """Return the class of a pipeline's state.

    Raises:
        ContractError: It declares none.
    """
    state_class, where = cls._state_class, place(cls)
    if state_class is None:
        raise ContractError(
            f"{where}: {cls.__name__} must declare 'state: MyState' where MyState is an InputState subclass, defined "
            "above it and not imported under `if TYPE_CHECKING`."
        )
    params = getattr(state_class, "__dataclass_params__", None)
    if params is not None and params.frozen:
        raise ContractError(f"{place(state_class)}: a state changes; declare it without frozen=True")
    return state_class


def output_of(cls: type[ReactorPipeline], yielded: Any) -> Output | None:
    """Return what a pipeline yielded as an output; None where there is nothing to show.

    Raises:
        AuthorError: It is neither, nor an array for the one track that the model has.
    """
    if yielded is None or isinstance(yielded, IdleType) or yielded is IdleType:
        return None
    if isinstance(yielded, Output):
        return yielded
    what = f"{cls.__name__}.inference() yielded {type(yielded).__name__}"
    if not hasattr(yielded, "shape"):
        raise AuthorError(f"{what}; yield an Output instance, Idle or None")
    outputs = [output for output in visible(Output, cls) if output._tracks]
    if len(outputs) != 1 or len(outputs[0]._tracks) != 1:
        known = ", ".join(f"{o.__name__}({', '.join(t.name for t in o._tracks)})" for o in outputs) or "none"
        raise AuthorError(f"{what}, which names no track; it needs one output of one track; there is: {known}")
    return outputs[0](**{outputs[0]._tracks[0].name: yielded})


def generator_of(model: ReactorPipeline) -> Any:
    """Begin the model's generator.

    Raises:
        AuthorError: `inference` is no generator.
    """
    generator = model.inference()
    if not (inspect.isgenerator(generator) or inspect.isasyncgen(generator)):
        if inspect.iscoroutine(generator):
            generator.close()
        raise AuthorError(f"{type(model).__name__}.inference() is no generator: it must yield its outputs")
    return generator
