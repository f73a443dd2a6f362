"""Finds the model in a folder, imports it and compiles its contract. Runs where the model runs, never in the server."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from reactor_runtime import config
from reactor_runtime.authoring import reactor_model, video_model
from reactor_runtime.authoring.configuration import Configuration
from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.names import place
from reactor_runtime.authoring.reactor_model import ReactorModel
from reactor_runtime.authoring.video_model import VideoModel
from reactor_runtime.authoring.video_model_commands import commands_of
from reactor_runtime.errors import ContractError, LoadError, OperatorError
from reactor_runtime.weights import places
from reactor_runtime.worker.driver import Driver
from reactor_runtime.worker.messages import Setup
from reactor_runtime.worker.reactor_model_driver import ReactorModelDriver
from reactor_runtime.worker.video_model_driver import VideoModelDriver

MANIFEST = "reactor.yaml"
_MENTIONS_MODEL = re.compile(r"\breactor_runtime\b|^\s*@model\b", re.MULTILINE)
_NO_MODEL = (
    "No @model decorated class found in project. Ensure your VideoModel subclass has the @model decorator, "
    f"or name a class in {MANIFEST}: `model: module:ClassName`."
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `reactor.yaml` says of the model; everything else in it is for others.

    Attributes:
        entrypoint: `module:ClassName`.
        config: The configuration file, relative to the model's folder.
    """

    entrypoint: str
    name: str | None = None
    config: str | None = None
    weights_path: Path | None = None
    weights_store: str | None = None
    description: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The author's class, and the manifest that named it, if any."""

    cls: type[VideoModel] | type[ReactorModel]
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """An imported and compiled model; nothing of it is constructed yet.

    Attributes:
        make_driver: Takes, if anything, `loop_factory`: it makes the event loop that a model of generation 2 runs on.
    """

    cls: type[VideoModel] | type[ReactorModel]
    contract: Contract
    config: Any
    make_driver: Callable[..., Driver] = field(repr=False)


def load_definition(setup: Setup, values: Mapping[str, Any] | None = None) -> LoadedModel:
    """Find, import and compile the model that `setup` names; see `define`.

    Raises:
        LoadError: There is not exactly one model, or importing it failed.
        ContractError: It is declared wrongly.
        OperatorError: Its configuration file or an override is wrong.
    """
    found = find(Path(setup.model_dir), weights_store=setup.weights_store)
    return define(found.cls, setup, values, found.manifest)


def define(
    cls: type[VideoModel] | type[ReactorModel],
    setup: Setup,
    values: Mapping[str, Any] | None = None,
    manifest: Manifest | None = None,
) -> LoadedModel:
    """Configure and compile a class.

    Args:
        cls: The author's class.
        setup: Its folder, and what configures it.
        values: Configuration on top of all other.
        manifest: What `reactor.yaml` says of it.

    Raises:
        ContractError: It is declared wrongly.
        OperatorError: Its configuration file or an override is wrong.
    """
    declared = video_model.declaration_of(cls)
    config_path, source = _config_file(setup, Path(setup.model_dir), manifest, declared)
    metadata = declared.metadata if declared else {}
    described: dict[str, Any] = {
        "name": (manifest and manifest.name) or (declared and declared.name),
        "description": (manifest and manifest.description) or str(metadata.get("description") or ""),
        "version": _version((manifest and manifest.version) or metadata.get("version")),
    }
    if issubclass(cls, VideoModel):
        settings = _settings(config_path, source, setup.overrides, values)
        commands = commands_of(cls)
        generation_1 = video_model.contract_of(cls, commands, **described)

        def make_driver(*, loop_factory: object = None) -> Driver:
            return VideoModelDriver(cls, generation_1, settings, commands)

        return LoadedModel(cls, generation_1, settings, make_driver)
    plain = {**_plain_settings(config_path, source, setup.overrides), **(values or {})}
    contract = reactor_model.contract_of(cls, **described)
    config = Configuration(plain, config_path)
    return LoadedModel(cls, contract, config, functools.partial(ReactorModelDriver, cls, contract, config))


def find(model_dir: Path, *, weights_store: str | None = None) -> Found:
    """Return the model class of a folder: the one `reactor.yaml` names, else the only one its modules define.

    Puts the folder first on `sys.path`, and has weights looked for where this model keeps them.

    Args:
        model_dir: The model's folder.
        weights_store: Where missing weights come from; None leaves it to the environment and the manifest.

    Raises:
        LoadError: None, or several; or the import failed, with the author's own traceback.
    """
    if not model_dir.is_dir():
        raise LoadError(f"no folder {model_dir}")
    manifest = read_manifest(model_dir)
    folder = str(model_dir)
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
    importlib.invalidate_caches()
    _forget_other_models(model_dir)
    root, store = (manifest.weights_path, manifest.weights_store) if manifest else (None, None)
    places.declare(model_dir, root=root, store=weights_store or config.weights_store(store))
    if manifest is None:
        return Found(_scan(model_dir))
    return Found(_named(manifest.entrypoint), manifest)


def read_manifest(model_dir: Path) -> Manifest | None:
    """Read `reactor.yaml` in either published shape; None where there is none.

    Raises:
        LoadError: It is not YAML, no mapping, names no class, or has something else where text belongs.
    """
    path = model_dir / MANIFEST
    if not path.exists():
        return None
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LoadError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LoadError(f"{MANIFEST}: invalid YAML: {_one_line(error)}") from None
    if not isinstance(content, Mapping):
        raise LoadError(f"{MANIFEST} must be a YAML mapping")
    model = content.get("model")
    runtime = _mapping(content.get("runtime"))
    about = _mapping(model)
    entrypoint = runtime.get("import") or (model if isinstance(model, str) else None)
    if not isinstance(entrypoint, str):
        raise LoadError(
            f"{MANIFEST} must declare a model entrypoint, either as 'runtime.import' or as top-level 'model', "
            "written module:ClassName"
        )
    weights = _text(runtime, "weights_path") or _text(content, "weights_path")
    store = _text(runtime, "weights_store") or ""
    return Manifest(
        entrypoint,
        name=_text(about, "name") or _text(content, "name"),
        config=_text(runtime, "config") or _text(content, "config"),
        weights_store=str(model_dir / store) if store.startswith(".") else store or None,
        weights_path=model_dir / Path(weights).expanduser() if weights else None,
        description=str(about.get("description") or ""),
        version=str(about.get("version") or ""),
    )


def _named(entrypoint: str) -> type[VideoModel] | type[ReactorModel]:
    module_name, _, class_name = entrypoint.partition(":")
    if not module_name or not class_name or ":" in class_name or module_name.startswith(".") or "/" in module_name:
        raise LoadError(f"Invalid spec '{entrypoint}'. Expected 'module:ClassName'.")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise LoadError(
                f"Module '{module_name}' not found. Ensure it lies in the model's folder: {sys.path[0]}"
            ) from None
        raise LoadError(
            f"Module '{module_name}' failed to import: missing dependency '{error.name}'. "
            "Install it or ensure it is available in your environment."
        ) from _from_author(error)
    except ContractError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the author's module: told with its traceback
        raise LoadError(f"Module '{module_name}' failed to import: {_one_line(error)}") from _from_author(error)
    cls = getattr(module, class_name, None)
    if cls is None:
        raise LoadError(f"Class '{class_name}' not found in module '{module_name}', which is {_origin(module)}")
    if not isinstance(cls, type):
        raise LoadError(f"'{class_name}' in module '{module_name}' is not a class")
    if not issubclass(cls, (VideoModel, ReactorModel)):
        raise LoadError(f"'{class_name}' is not a subclass of ReactorModel or VideoModel")
    return cls


def _scan(model_dir: Path) -> type[VideoModel] | type[ReactorModel]:
    """Import the modules that may hold a model and return the only one they define."""
    modules: list[ModuleType] = []
    failures: dict[str, BaseException] = {}
    for path in sorted(model_dir.glob("*.py")):
        if path.name.startswith(("_", "test_", "conftest")) or path.name.endswith("_test.py"):
            continue
        if not _MENTIONS_MODEL.search(path.read_text(encoding="utf-8", errors="replace")):
            continue
        try:
            modules.append(importlib.import_module(path.stem))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the author's module: told if no model is found
            failures[path.name] = _from_author(error)
        else:
            if (found := Path(_origin(modules[-1]))).resolve() != path.resolve():
                failures[path.name] = LoadError(f"import {path.stem} gave {found}, not {path}; rename your file")
    names = {module.__name__ for module in modules}
    classes = {
        value: None
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, (VideoModel, ReactorModel)) and value.__module__ in names
    }
    decorated = [cls for cls in classes if video_model.declaration_of(cls)]
    if len(decorated) > 1:
        models = sorted(d.name for cls in decorated if (d := video_model.declaration_of(cls)))
        raise LoadError(
            f"Multiple models found: {models}. Only one @model decorated class is allowed per project. "
            f"They are {', '.join(place(cls) for cls in decorated)}."
        )
    # Without a decorator, the class that is nobody's base is meant.
    leaves = [cls for cls in classes if not any(other is not cls and issubclass(other, cls) for other in classes)]
    chosen = decorated or leaves
    if len(chosen) > 1:
        raise LoadError(
            f"Multiple models found: {sorted(cls.__name__ for cls in chosen)}. Decorate one of them with "
            f"@model(name=...) or name it in {MANIFEST}: `model: module:ClassName`."
        )
    if not chosen:
        wrongly_declared = [error for error in failures.values() if isinstance(error, ContractError)]
        if wrongly_declared:
            raise wrongly_declared[0]  # there is a model; this is what is wrong with it
        errors = list(failures.values())
        cause = BaseExceptionGroup("these modules failed to import", errors) if len(errors) > 1 else None
        blamed = f"Failed to import: {', '.join(failures)}." if failures else f"Looked at the .py files in {model_dir}."
        raise LoadError(f"{_NO_MODEL} {blamed}") from (cause or next(iter(errors), None))
    return chosen[0]


def _forget_other_models(model_dir: Path) -> None:
    """Drop modules of another model's folder that this folder has under the same name, as `model` usually is."""
    for path in model_dir.iterdir():
        loaded = sys.modules.get(path.stem) if path.suffix == ".py" or path.is_dir() else None
        file = getattr(loaded, "__file__", None)
        if not file or Path(file).is_relative_to(model_dir):
            continue
        if not any(Path(file).is_relative_to(root) for root in {sys.prefix, sys.base_prefix}):
            for name in [n for n in sys.modules if n == path.stem or n.startswith(f"{path.stem}.")]:
                del sys.modules[name]


def _origin(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or "part of Python"


def _config_file(
    setup: Setup, model_dir: Path, manifest: Manifest | None, declared: video_model.Declaration | None
) -> tuple[Path | None, str]:
    """Return the configuration file and who named it."""
    if setup.config_path:
        return Path(setup.config_path), "-c/--config"
    if manifest and manifest.config:
        return model_dir / manifest.config, f"'config' in {MANIFEST}"
    if declared and declared.config:
        return model_dir / declared.config, f"@model(config={declared.config!r})"
    return None, ""


def _settings(path: Path | None, source: str, overrides: Sequence[str], values: Mapping[str, Any] | None = None) -> Any:
    """Return the configuration as OmegaConf's DictConfig: the file, then the overrides and the values on top.

    Raises:
        OperatorError: The file is missing, not YAML or no mapping, or an override does not fit.
    """
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    settings: Any = OmegaConf.create()
    if path is not None:
        try:
            # OmegaConf takes a file of plain text for a key without a value.
            is_mapping = isinstance(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, Mapping)
            settings = OmegaConf.load(path)
        except OSError as error:
            raise OperatorError(f"cannot read config file {path} (from {source}): {error.strerror}") from None
        except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
            raise OperatorError(f"config file {path} (from {source}) is not valid YAML: {_one_line(error)}") from None
        if not is_mapping:
            raise OperatorError(f"config file {path} (from {source}) must be a YAML mapping")
    for override in overrides:
        try:
            settings = OmegaConf.merge(settings, OmegaConf.from_dotlist([override]))
        except (OmegaConfBaseException, yaml.YAMLError, ValueError, TypeError) as error:
            raise OperatorError(f"--model.{override} does not fit the configuration: {_one_line(error)}") from None
    return OmegaConf.merge(settings, values) if values else settings


def _plain_settings(path: Path | None, source: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Return the configuration as plain containers, interpolations resolved."""
    if path is None and not overrides:
        return {}
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    settings = _settings(path, source, overrides)
    try:
        values = OmegaConf.to_container(settings, resolve=True)
    except OmegaConfBaseException as error:
        raise OperatorError(f"config file {path} (from {source}): {_one_line(error)}") from None
    assert isinstance(values, dict), "a DictConfig is a mapping"
    return {str(key): value for key, value in values.items()}


def _text(block: Mapping[str, Any], key: str) -> str | None:
    """Return the text under a key of the manifest, None where nothing is."""
    value = block.get(key)
    if value is not None and not isinstance(value, str):
        raise LoadError(f"{MANIFEST}: {key}: {value!r} is no text; write {key}: 'some text'")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _version(declared: object) -> str:
    text = str(declared or "0.0.0")
    return text if text.startswith("v") else f"v{text}"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _from_author(error: BaseException) -> BaseException:
    """Cut the traceback to begin at the author's first line: what the import machinery did before tells nothing."""
    frames = error.__traceback__
    while frames is not None and _is_machinery(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return error.with_traceback(frames)


def _is_machinery(filename: str) -> bool:
    return filename.startswith("<frozen importlib") or filename in (__file__, inspect.getsourcefile(importlib))
