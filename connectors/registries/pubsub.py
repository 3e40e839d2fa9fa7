"""Google Pub/Sub's schemas, through Google's client. Emulators count: PUBSUB_EMULATOR_HOST."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from connectors.registries.asking import RegistryRefused, RegistryUnreachable
from connectors.registries.pubsub_steps import Revision, definition_of, pubsub_steps
from connectors.registries.steps import Action, Step, locked_versions
from schemas.lock import Lock
from schemas.registry import Subject
from schemas.versions import SubjectVersion

TIMEOUT_SECONDS = 20.0


class PubsubSchemas:
    """The schemas of one project."""

    def __init__(self, project: str) -> None:
        """Raises RegistryUnreachable when no credentials are found."""
        from google.auth.exceptions import GoogleAuthError
        from google.pubsub_v1 import SchemaServiceClient

        self._project = f"projects/{project}"
        emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
        try:
            self._client = (
                SchemaServiceClient(transport=_emulated(emulator))
                if emulator
                else SchemaServiceClient()
            )
        except GoogleAuthError as error:
            raise RegistryUnreachable(f"no credentials for Pub/Sub: {error}") from error

    def revisions(self, name: str) -> list[Revision]:
        """All revisions of a schema, oldest first; none when it is not there."""
        from google.api_core.exceptions import NotFound
        from google.pubsub_v1 import ListSchemaRevisionsRequest, SchemaView

        request = ListSchemaRevisionsRequest(name=self._path(name), view=SchemaView.FULL)
        try:
            found = list(_asked(self._client.list_schema_revisions, request))
        except RegistryRefused as refused:
            if isinstance(refused.__cause__, NotFound):
                return []
            raise
        found.sort(key=lambda schema: schema.revision_create_time)
        return [Revision(schema.revision_id, schema.definition) for schema in found]

    def commit(self, name: str, definition: str, *, first: bool) -> str:
        """Create the schema, or commit its next revision; returns the revision's id.

        Raises RegistryRefused, RegistryUnreachable.
        """
        from google.pubsub_v1 import CommitSchemaRequest, CreateSchemaRequest, Schema

        path = self._path(name)
        schema = Schema(name=path, type_=Schema.Type.AVRO, definition=definition)
        if first:
            create = CreateSchemaRequest(parent=self._project, schema=schema, schema_id=name)
            return str(_asked(self._client.create_schema, create).revision_id)
        commit = CommitSchemaRequest(name=path, schema=schema)
        return str(_asked(self._client.commit_schema, commit).revision_id)

    def drop(self, name: str, revision_id: str) -> None:
        """Delete a revision. Raises RegistryRefused, RegistryUnreachable."""
        from google.pubsub_v1 import DeleteSchemaRevisionRequest

        request = DeleteSchemaRevisionRequest(name=f"{self._path(name)}@{revision_id}")
        _asked(self._client.delete_schema_revision, request)

    def _path(self, name: str) -> str:
        return f"{self._project}/schemas/{name}"


def _emulated(address: str) -> Any:
    import grpc
    from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

    return SchemaServiceGrpcTransport(channel=grpc.insecure_channel(address))


def _asked(call: Any, request: Any) -> Any:
    """Call Google and turn its errors into ours."""
    from google.api_core.exceptions import (
        ClientError,
        GoogleAPICallError,
        RetryError,
        Unauthenticated,
    )
    from google.auth.exceptions import GoogleAuthError

    try:
        return call(request=request, timeout=TIMEOUT_SECONDS)
    except (Unauthenticated, RetryError, GoogleAuthError) as error:
        raise RegistryUnreachable(str(error)) from error
    except ClientError as error:
        raise RegistryRefused(str(error.message)) from error
    except GoogleAPICallError as error:
        raise RegistryUnreachable(str(error)) from error


def apply_pubsub(
    outer: PubsubSchemas,
    subjects: Iterable[Subject],
    lock: Lock,
    *,
    naming: str,
    drop_oldest: bool,
    applying: bool,
) -> Iterator[Step]:
    """Yield what is done for each subject, or would be. Raises RegistryUnreachable."""
    for subject in subjects:
        versions = list(locked_versions(subject, lock))
        if not versions:
            continue
        name = naming.replace("{subject}", subject.name)
        there = outer.revisions(name)
        numbered = {version.number: version for version in versions}
        exists = bool(there)
        for step in pubsub_steps(name, versions, there, drop_oldest=drop_oldest):
            if applying:
                step = _done(outer, step, numbered, first=not exists)
                exists = exists or step.action is Action.REGISTER
            yield step
            if step.action is Action.REFUSED:
                break


def _done(
    outer: PubsubSchemas, step: Step, versions: dict[int, SubjectVersion], *, first: bool
) -> Step:
    """Do one step; what the registry refuses is a refused step."""
    try:
        if step.action is Action.DROP_REVISION:
            outer.drop(step.name, str(step.id).rpartition("@")[2])
        elif step.action is Action.REGISTER and step.version is not None:
            text = definition_of(versions[step.version])
            revision = outer.commit(step.name, text, first=first)
            return msgspec.structs.replace(
                step, what=f"is now revision {revision} there", id=f"{step.name}@{revision}"
            )
    except RegistryRefused as refused:
        return msgspec.structs.replace(step, action=Action.REFUSED, what=str(refused))
    return step
