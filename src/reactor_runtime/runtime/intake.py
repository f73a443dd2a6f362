"""What clients hand to the model: commands, checked and in order, with the files they refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable, Callable
from dataclasses import replace

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.uploads import references
from reactor_runtime.config import SessionConfig
from reactor_runtime.errors import ClientError, InvalidArgument
from reactor_runtime.runtime.clients import Clients
from reactor_runtime.runtime.clock import Alarm, now
from reactor_runtime.runtime.commands import HOLD, Commands, Submitted
from reactor_runtime.runtime.latency import Latency
from reactor_runtime.runtime.uploads import Upload, Uploads
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker import messages as pipe


class Intake:
    """One slot's way from its clients to its model. All methods run on the event loop.

    Attributes:
        outcomes: Command and what became of it to how often: `accepted` by the model's handler, `failed` there,
            `refused` before it, `lost` with the model. Names that the contract does not know are one, `unknown`.
        uploads, upload_bytes: Files that came whole, and their size.
    """

    def __init__(
        self,
        limits: SessionConfig,
        clients: Clients,
        tell_model: Callable[[pipe.ToModel], None],
        note: Callable[..., None],
        latency: Latency,
    ) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.uploads = self.upload_bytes = 0
        self._limits = limits
        self._clients = clients
        self._tell_model = tell_model
        self._note = note
        self._latency = latency
        self._commands = Commands()
        self._uploads = Uploads(limits)
        self._is_open = False
        self._alarm = Alarm(self._release)

    # ---- the session --------------------------------------------------------------------------------------------

    def open(self) -> None:
        """A session began."""
        self._commands, self._uploads, self._is_open = Commands(), Uploads(self._limits), True
        self._latency.clear()

    def shut(self) -> None:
        """The session ends: the model is told no more, but may still read its files."""
        self._is_open = False
        self._commands.drop_lines()
        self._alarm.cancel()

    def delete_files(self) -> None:
        """The model holds nothing of the session."""
        self._uploads.close()

    # ---- uploads ------------------------------------------------------------------------------------------------

    def knows(self, upload_id: str) -> bool:
        """Whether an upload of this id is reserved, on its way or complete."""
        return upload_id in self._uploads

    def reserve(self, name: str, size: int, mime_type: str, upload_id: str | None) -> Upload:
        """Announce a file; see `Uploads.reserve`.

        Raises:
            ClientError: 409 no session is open; what `Uploads.reserve` refuses.
        """
        if not self._is_open:
            raise ClientError("no session is open", code="not_ready", http_status=409)
        upload = self._uploads.reserve(name, size, mime_type, upload_id, now(), keep=self._commands.uploads())
        self._note("upload_reserved", upload_id=upload.id, name=upload.name, size=size, mime_type=upload.mime_type)
        self._release()
        return upload

    async def receive(self, upload_id: str, declared: int | None, chunks: AsyncIterable[bytes]) -> None:
        """Store a reserved file's bytes; see `Uploads.receive`."""
        try:
            upload = await self._uploads.receive(upload_id, declared, chunks)
        except ClientError as error:
            self._note("error", message=f"upload {upload_id}: {error}")
            raise
        else:
            self.uploads += 1
            self.upload_bytes += upload.size
            self._note("upload_complete", upload_id=upload_id)
        finally:
            self._release()

    def file_uploaded(self, client_id: int, said: wire.FileUploaded) -> None:
        """Tell the model's hook of a complete file."""
        if not self._is_open or not self._uploads.is_complete(said.upload_id):
            self._note("error", message=f"no complete upload {said.upload_id}", conn_id=client_id)
            return
        self._note("file_uploaded", upload_id=said.upload_id, conn_id=client_id)
        self._tell_model(pipe.FileArrived(client_id, self._uploads.file(said.upload_id)))

    # ---- commands -----------------------------------------------------------------------------------------------

    def submit(self, contract: Contract, client_id: int, command: wire.Command) -> None:
        """Check a command and hand it to the model once its files are complete, after its client's earlier ones.

        Raises:
            ClientError: The contract refuses it, it refers to an unknown upload, or too many are unanswered.
        """
        schema = contract.command(command.name).schema
        for parameter, reference in command.uploads.items():
            if not isinstance(reference.get("upload_id"), str):
                expected = "expected an upload reference with a string 'upload_id'"
                raise InvalidArgument(f"{command.name}: {parameter}: {expected}")
        arguments = {**command.arguments, **command.uploads}
        uploads = references(arguments, schema)
        for upload in uploads:
            if upload not in self._uploads:
                raise ClientError(f"{command.name}: unknown upload {upload!r}", code="unresolved_upload")
        contract.check(command.name, arguments)
        entry = self._commands.submit(client_id, replace(command, arguments=arguments), uploads, now())
        self._latency.received(entry)
        self._note("command", name=command.name, args=arguments, conn_id=client_id)
        if missing := [upload for upload in uploads if not self._uploads.is_complete(upload)]:
            self._note("command_held", name=command.name, uploads=missing, conn_id=client_id)
        self._release()

    def settle(self, replied: pipe.Replied) -> None:
        """Pass the model's answer on to the client that waits for it."""
        self._latency.replied(replied)
        entry = self._commands.settle(replied.command_id, accepted=replied.error_code is None)
        if entry is None:
            return
        self.outcomes[entry.command.name, "accepted" if replied.error_code is None else "failed"] += 1
        if replied.error_code is not None:
            message = f"command {entry.command.name!r}: {replied.error_message}"
            self._note("error", message=message, conn_id=entry.client_id)
        self._clients.answer(
            entry.client_id, entry.command, replied.name, replied.data, replied.error_code, replied.error_message
        )

    def forget(self, client_id: int) -> None:
        """A client left: drop what it has waiting."""
        self._commands.forget(client_id)
        self._latency.forget(client_id)

    def lose_model(self, reason: str) -> None:
        """The model is gone: answer what it left unanswered."""
        self._latency.clear()
        for entry in self._commands.lose_model(now()):
            self.outcomes[entry.command.name, "lost"] += 1
            self._clients.answer(entry.client_id, entry.command, error_code="model_lost", error_message=reason)

    def replay(self) -> None:
        """Tell a fresh model what brings it to where the lost one was."""
        for entry in self._commands.replay(now()):
            self._tell_model(self._invoke(replace(entry, id=0, at=now()), client_id=None))

    def _release(self) -> None:
        if not self._is_open:
            return
        for upload in self._uploads.expire(now()):
            self._note("upload_expired", upload_id=upload.id)
        ready, late = self._commands.take(self._uploads.is_complete, now())
        for entry in ready:
            self._tell_model(self._invoke(entry, entry.client_id))
        for entry in late:
            why = f"{entry.command.name}: its upload was not complete within {HOLD:g} s"
            self._note("error", message=f"command refused: {why}", conn_id=entry.client_id)
            self.outcomes[entry.command.name, "refused"] += 1
            self._clients.answer(entry.client_id, entry.command, error_code="unresolved_upload", error_message=why)
        deadlines = (self._commands.next_deadline(), self._uploads.next_deadline())
        self._alarm.set(min((at for at in deadlines if at is not None), default=None))

    def _invoke(self, entry: Submitted, client_id: int | None) -> pipe.Invoke:
        files = {upload: self._uploads.file(upload) for upload in entry.uploads}
        return pipe.Invoke(entry.id, entry.command.name, entry.command.arguments, client_id, entry.at, files)
