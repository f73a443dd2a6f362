"""Errors by blame: every class says who has to change something, and carries the answer to give.

```
ReactorError
├── AuthorError      the model's code is wrong         shown with its traceback to the author
│   ├── ContractError    a class, track or event is declared wrongly; raised at import
│   ├── OutputError      emit() was handed something that is no picture or sound
│   └── LoadError        the model could not be found, imported or loaded
├── ClientError      the remote asked wrongly          always answered with .code and .http_status
├── OperatorError    the deployment is wrong           one line, exit status 2
├── CommandError     an author's own refusal of a command
└── IllegalInput     a pure machine was misused        ours
```
"""

from __future__ import annotations


class ReactorError(Exception):
    """Root of every error this package raises on purpose."""


class AuthorError(ReactorError):
    """The model's code is wrong; the message says where and what would be right."""


class ContractError(AuthorError, TypeError):
    """A model class, track, event or message is declared wrongly. Raised while the class is defined."""


class OutputError(AuthorError, ValueError):
    """A payload handed to `emit` has a wrong shape, dtype or track name."""


class LoadError(AuthorError):
    """The model could not be found, imported, constructed or loaded."""


class ClientError(ReactorError):
    """A remote asked for something it cannot have.

    Attributes:
        code: Stable machine-readable word, for example `invalid_command`.
        http_status: Status to answer with where the request came over HTTP.
        request_id: The client's word for its request, where a frame that could not be read had one.
    """

    code = "bad_request"
    http_status = 400
    request_id: str | None = None

    def __init__(self, message: str, *, code: str | None = None, http_status: int | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if http_status is not None:
            self.http_status = http_status


class UnknownCommand(ClientError):
    """The model declares no command of that name."""

    code = "invalid_command"
    http_status = 404


class InvalidArgument(ClientError):
    """A command's arguments do not fit its schema."""

    code = "invalid_command"
    http_status = 422


class OperatorError(ReactorError):
    """A flag, file, port or environment variable is wrong; the message is one line and names its source."""


class CommandError(ReactorError):
    """Raised by an author's handler to refuse a command; the client gets `code` and `message`."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code


class IllegalInput(ReactorError):
    """A pure machine was given an input its state does not take; nothing was changed."""
