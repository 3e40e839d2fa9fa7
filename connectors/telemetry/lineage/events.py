"""Run events in the client's own classes, which check them.

Source: OpenLineage 2-0-2, `OpenLineage.json` and the facets named here. Only standard facets are
used. Of an error its kind is told, never its words: those could name a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from openlineage.client import event_v2
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    JobFacet,
    OutputDatasetFacet,
    RunFacet,
    dataset_version_dataset,
    error_message_run,
    execution_parameters_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    tags_run,
)

from connectors.telemetry.lineage.facts import NOTHING_COUNTED, Column, Counts, Dataset, RunFacts
from connectors.telemetry.lineage.settings import LineageSettings

State = event_v2.RunState
"""START, RUNNING, COMPLETE, ABORT or FAIL."""


def _program() -> str:
    try:
        return version("crossfoot")
    except PackageNotFoundError:  # started from its folder
        return ""


def producer() -> str:
    """Who tells: this program and its version, as a package URL (ECMA-427)."""
    told = _program()
    return f"pkg:generic/crossfoot@{told}" if told else "pkg:generic/crossfoot"


def run_event(
    state: State,
    run_id: str,
    at: datetime,
    settings: LineageSettings,
    facts: RunFacts,
    counts: Counts = NOTHING_COUNTED,
    error: str | None = None,
) -> event_v2.RunEvent:
    """Build one event. `run_id`: a UUID; `error`: kinds of what went wrong, no words of it.

    Raises ValueError for an id that is none.
    """
    return event_v2.RunEvent(
        eventType=state,
        eventTime=at.isoformat(),
        producer=producer(),
        run=event_v2.Run(runId=run_id, facets=_run_facets(settings, facts, counts, error)),
        job=event_v2.Job(
            namespace=settings.namespace,
            name=facts.job,
            facets=_job_facets(facts),
        ),
        inputs=[_input(dataset, facts, counts) for dataset in facts.inputs],
        outputs=[_output(dataset, counts) for dataset in facts.outputs],
    )


def _job_facets(facts: RunFacts) -> dict[str, JobFacet]:
    kind = "STREAMING" if facts.streaming else "BATCH"
    return {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType=kind, integration="BEAM", jobType="JOB", producer=producer()
        )
    }


def _run_facets(
    settings: LineageSettings, facts: RunFacts, counts: Counts, error: str | None
) -> dict[str, RunFacet]:
    facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            name=f"Apache Beam {facts.engine}",
            version=facts.engine_version,
            openlineageAdapterVersion=_program() or None,
            producer=producer(),
        ),
    }
    if facts.parameters:
        facets["executionParameters"] = execution_parameters_run.ExecutionParametersRunFacet(
            parameters=[
                execution_parameters_run.ExecutionParameter(key=key, value=value)
                for key, value in facts.parameters
            ],
            producer=producer(),
        )
    if counts.terms:
        facets["tags"] = tags_run.TagsRunFacet(tags=_tags(counts), producer=producer())
    if settings.parent is not None:
        facets["parent"] = _parent(settings)
    if error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=error, programmingLanguage="PYTHON", producer=producer()
        )
    return facets


def _tags(counts: Counts) -> list[tags_run.TagsRunFacetFields]:
    return [
        tags_run.TagsRunFacetFields(key=name, value=str(number), source="CROSSFOOT")
        for name, number in counts.terms.items()
    ]


def _parent(settings: LineageSettings) -> parent_run.ParentRunFacet:
    parent, root = settings.parent, settings.root
    assert parent is not None
    first = None
    if root is not None:
        first = parent_run.Root(
            run=parent_run.RootRun(runId=root.run_id),
            job=parent_run.RootJob(namespace=root.namespace, name=root.job),
        )
    return parent_run.ParentRunFacet(
        run=parent_run.Run(runId=parent.run_id),
        job=parent_run.Job(namespace=parent.namespace, name=parent.job),
        root=first,
        producer=producer(),
    )


def _input(dataset: Dataset, facts: RunFacts, counts: Counts) -> event_v2.InputDataset:
    """Rows are known of all inputs together, so they are told where there is one."""
    of_events = [one for one in facts.inputs if one.version is None]
    rows = counts.read if [dataset] == of_events else None
    told: dict[str, InputDatasetFacet] = {}
    if (rows, dataset.files) != (None, None):
        told["inputStatistics"] = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=rows, size=dataset.size_bytes, fileCount=dataset.files, producer=producer()
        )
    return event_v2.InputDataset(
        namespace=dataset.namespace,
        name=dataset.name,
        facets=_dataset_facets(dataset),
        inputFacets=told,
    )


def _output(dataset: Dataset, counts: Counts) -> event_v2.OutputDataset:
    told: dict[str, OutputDatasetFacet] = {}
    if dataset.key in counts.written:
        statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
        told["outputStatistics"] = statistics(
            rowCount=counts.written[dataset.key], producer=producer()
        )
    return event_v2.OutputDataset(
        namespace=dataset.namespace,
        name=dataset.name,
        facets=_dataset_facets(dataset),
        outputFacets=told,
    )


def _dataset_facets(dataset: Dataset) -> dict[str, DatasetFacet]:
    facets: dict[str, DatasetFacet] = {}
    if dataset.fields:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(
            fields=_fields(dataset.fields), producer=producer()
        )
    if dataset.version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=dataset.version, producer=producer()
        )
    return facets


def _fields(columns: Iterable[Column]) -> list[schema_dataset.SchemaDatasetFacetFields]:
    return [
        schema_dataset.SchemaDatasetFacetFields(
            name=column.name,
            type=column.type,
            description=column.description,
            ordinal_position=number,
            fields=_fields(column.fields),
        )
        for number, column in enumerate(columns, 1)
    ]
