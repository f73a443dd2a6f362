"""Declarations as authors write them, and values as clients send them."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from typing import Annotated, Any, Literal, NewType, Optional, get_args, get_origin

from hypothesis import strategies as st

from reactor_runtime import InputField, ReactorModel, UploadedFile, event
from reactor_runtime.authoring.contract import Contract
from tests.property.oracle import NOTHING, Declared, Refused, bare, expected, is_optional

# ---- what authors write -----------------------------------------------------------------------------------------

_names = st.sampled_from(["seed", "text", "mode", "at", "upload_id"])
_texts = st.text(max_size=6)
_whole = st.integers(-(2**63), 2**64 - 1) | st.integers(-5, 5) | st.integers(2**53, 2**53 + 9)
_decimal = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e300])
_scalars = st.none() | st.booleans() | _whole | _decimal | _texts


@st.composite
def _enums(draw: st.DrawFn) -> Any:
    values = draw(
        st.lists(_whole | _texts | _decimal | st.tuples(_whole, _texts), min_size=1, max_size=4, unique_by=repr)
    )
    return enum.Enum("Mode", {f"M{i}": value for i, value in enumerate(values)})


_literals = st.lists(_texts | st.integers(-5, 5) | st.booleans() | st.none(), min_size=1, max_size=4).map(
    lambda values: Literal[tuple(values)]
)

_NAMED = NewType("Named", str)
_leaves = (
    st.sampled_from([int, float, str, bool, Any, object, inspect.Parameter.empty, list, dict, UploadedFile, _NAMED])
    | _enums()
    | _literals
)


def _limits_for(annotation: Any) -> st.SearchStrategy[dict[str, Any]]:
    kind = bare(annotation)
    if is_optional(annotation) and get_origin(get_args(annotation)[0]) is Annotated:
        return st.just({})  # limits that contradict each other are refused; see the unit tests
    if kind in (int, float):
        pair = st.tuples(st.integers(-9, 9), st.integers(-9, 9)).map(sorted)
        bounds = pair.flatmap(lambda p: st.sampled_from([{}, {"ge": p[0]}, {"le": p[1]}, {"ge": p[0], "le": p[1]}]))
        return bounds | st.lists(st.integers(-5, 5), min_size=1, max_size=3).map(lambda c: {"choices": c})
    if kind in (str, list, dict):
        pair = st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted)
        sizes = pair.flatmap(
            lambda p: st.sampled_from(
                [{}, {"min_length": p[0]}, {"max_length": p[1]}, {"min_length": p[0], "max_length": p[1]}]
            )
        )
        return sizes | st.lists(_texts, min_size=1, max_size=3).map(lambda c: {"choices": c}) if kind is str else sizes
    return st.just({})


@st.composite
def _dataclasses(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    fields: list[Any] = []
    for name in draw(st.lists(_names, max_size=3, unique=True)):
        annotation = draw(inner)
        if annotation is inspect.Parameter.empty:
            annotation = Any
        how = draw(st.sampled_from(["required", "none", "limited", "factory"]))
        extra: tuple[Any, ...] = ()
        if how == "none":
            extra = (None,)
        elif how == "limited" and get_origin(annotation) is not Annotated:
            extra = (InputField(**draw(_limits_for(annotation))),)
        elif how == "factory" and bare(annotation) is list:
            extra = (dataclasses.field(default_factory=list),)
        fields.append((name, annotation, *extra))
    return dataclasses.make_dataclass("Scene", fields, kw_only=True, frozen=draw(st.booleans()))


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    typed = inner.map(lambda annotation: Any if annotation is inspect.Parameter.empty else annotation)
    limited = typed.flatmap(
        lambda a: (
            st.just(a)
            if get_origin(a) is Annotated
            else _limits_for(a).map(lambda limits: Annotated[a, InputField(**limits)])
        )
    )
    return (
        typed.map(lambda a: Optional[a])  # noqa: UP045 - as many authors write it
        | typed.map(lambda a: list[a])
        | typed.map(lambda a: dict[str, a])
        | limited
        | _dataclasses(inner)
    )


annotations = st.recursive(_leaves, _nested, max_leaves=4)


@st.composite
def declarations(draw: st.DrawFn) -> Declared:
    annotation = draw(annotations)
    limits = {} if get_origin(annotation) is Annotated else draw(_limits_for(annotation))
    declared = Declared(annotation, limits)
    how = draw(st.sampled_from(["required", "none", "value"]))
    if how == "none":
        return dataclasses.replace(declared, default=None)
    if how == "value" and bare(annotation) in (int, float, str, bool):
        candidate = draw(fitting(annotation))
        try:
            expected(declared, candidate)
        except Refused:
            return declared
        return declared if candidate is None else dataclasses.replace(declared, default=candidate)
    return declared


def model_with(parameters: dict[str, Declared], received: list[dict[str, Any]]) -> type[ReactorModel]:
    """Return a model with one event, `change`, that remembers what it is given."""

    def change(self: ReactorModel, **arguments: Any) -> None:
        received.append(arguments)

    signature = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    for name, declared in parameters.items():
        default: Any = inspect.Parameter.empty
        if declared.limits:
            given = {} if declared.default is NOTHING else {"default": declared.default}
            default = InputField(**given, **declared.limits)
        elif declared.default is not NOTHING:
            default = declared.default
        signature.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=declared.annotation)
        )
    change.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    return type("Generated", (ReactorModel,), {"change": event(name="change")(change), "__module__": __name__})


def contract_for(model: type[ReactorModel]) -> Contract:
    return Contract("generated", "reactor_model", commands=tuple(c.spec for c in model._handlers.commands.values()))


# ---- what clients send ------------------------------------------------------------------------------------------

_references = st.sampled_from(
    [
        *({"upload_id": "cat"}, {"upload_id": "dog", "name": "d"}) * 3,
        {"upload_id": "dog", "name": "d", "size": 3, "mime_type": "image/png"},
        {"upload_id": "gone"},
        {"upload_id": "cat", "size": "3"},
        {"upload_id": 3},
        {"upload_id": "cat", "more": [1]},
    ]
)
anything = st.recursive(
    _scalars | _references,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=5,
)


def fitting(annotation: Any) -> st.SearchStrategy[Any]:
    """Return values that mostly fit an annotation; now and then, at any depth, anything."""
    return st.integers(0, 19).flatmap(lambda dice: anything if dice == 0 else _near(annotation))


def _near(annotation: Any) -> st.SearchStrategy[Any]:
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, NewType):
        return _texts
    if annotation in (Any, object, inspect.Parameter.empty):
        return anything
    if origin is Annotated:
        return fitting(args[0])
    if annotation is int:
        return st.integers(-9, 9) | _whole | st.sampled_from([2.0, -3.0, 2.5, True])
    if annotation is float:
        return _decimal | st.integers(-9, 9) | st.just(2**64 - 1)
    if annotation is str:
        return _texts
    if annotation is bool:
        return st.booleans() | st.integers(0, 1)
    if annotation is UploadedFile:
        return _references
    if annotation is list:
        return st.lists(anything, max_size=3)
    if annotation is dict:
        return st.dictionaries(_names, anything, max_size=3)
    if origin is Literal:
        return st.sampled_from(args) | st.sampled_from([1, 1.0, True, "1"])
    if is_optional(annotation):
        return st.none() | fitting(args[0])
    if origin is list:
        return st.lists(fitting(args[0]), max_size=4)
    if origin is dict:
        return st.dictionaries(_names, fitting(args[1]), max_size=4)
    if issubclass(annotation, enum.Enum):
        values = [list(m.value) if isinstance(m.value, tuple) else m.value for m in annotation]
        return st.sampled_from(values) | st.sampled_from([1, 1.0, True])
    return st.fixed_dictionaries({}, optional={f.name: fitting(f.type) for f in dataclasses.fields(annotation)})


@st.composite
def _sent(draw: st.DrawFn, declared: Declared) -> Any:
    """Draw a value, and others when it does not fit: a command is refused for the first of many, so most must."""
    values = fitting(declared.annotation) | st.sampled_from(declared.limits.get("choices", [None]))
    for _ in range(draw(st.integers(1, 6))):
        value = draw(values)
        try:
            expected(declared, value)
        except Refused:
            continue
        break
    return value


@st.composite
def calls(draw: st.DrawFn) -> tuple[dict[str, Declared], dict[str, Any]]:
    """An event's parameters, and the arguments of one command."""
    parameters = draw(st.dictionaries(_names, declarations(), min_size=1, max_size=3))
    arguments = {
        name: draw(_sent(declared))
        for name, declared in parameters.items()
        if declared.default is NOTHING or draw(st.booleans())
    }
    match draw(st.integers(0, 19)):
        case 0:
            arguments["unheard_of"] = 1
        case 1:
            arguments.pop(next(iter(arguments), ""), None)
    return parameters, arguments
