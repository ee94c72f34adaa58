"""A policy folder as one immutable value: read, parsed, checked, or refused as a whole."""

from collections.abc import Mapping as Members
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pdp.core.values import JsonObject
from pdp.core.workflow import Workflows
from pdp.policy.allowances import apply_allowances
from pdp.policy.finding import BundleError, Finding, Report, Severity
from pdp.policy.lint import lint_policies
from pdp.policy.mapping import Mapping
from pdp.policy.pace import Pace
from pdp.policy.policy import Policy
from pdp.policy.schema_types import Schema
from pdp.policy.slicing import SliceIndex
from pdp.policy.source_entities import load_entities
from pdp.policy.source_files import (
    Sources,
    UnreadableFolder,
    read_sources,
)
from pdp.policy.source_forms import load_forms
from pdp.policy.source_mapping import load_mapping
from pdp.policy.source_policies import Placed, known_of, load_policies
from pdp.policy.source_schema import load_schema
from pdp.policy.source_workflows import load_workflows
from pdp.policy.validation import validate_policies

__all__ = ["Bundle", "BundleError", "Finding", "Severity", "build_bundle", "load_bundle", "read"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A policy set that may be put in force.

    Attributes:
        version: SHA-256 in hex over the names and contents of all its files.
        loaded_at: when it was loaded, in UTC.
        policies: in the order of file names, then as written.
        slices: picks the policies that a request can touch.
        schema: None when the folder has none; then nothing is validated.
        mapping: AuthZEN names to Cedar names.
        workflows: what happens when a denial is requestable.
        entities: those of `entities.json`, in Cedar's JSON form.
        forms: JSON Schemas of submissions, by their path below the schema folder.
        findings: warnings and notes.
    """

    version: str
    loaded_at: datetime
    policies: tuple[Policy, ...]
    slices: SliceIndex
    schema: Schema | None
    mapping: Mapping
    workflows: Workflows
    entities: tuple[JsonObject, ...]
    forms: Members[str, JsonObject]
    findings: tuple[Finding, ...]


def load_bundle(
    policies_dir: Path, schemas_dir: Path | None, *, now: datetime, pace: Pace | None = None
) -> Bundle:
    """Load a policy folder and its schema folder, all or nothing (contract, section 4).

    Raises:
        BundleError: with every finding, when one of them is an error.
    """
    return build_bundle(read(policies_dir, schemas_dir, pace), now=now, pace=pace)


def read(policies_dir: Path, schemas_dir: Path | None, pace: Pace | None = None) -> Sources:
    """Read the files of both folders; raises `BundleError` when they cannot be read."""
    try:
        return read_sources(policies_dir, schemas_dir, pace or Pace())
    except UnreadableFolder as error:
        finding = Finding(
            "unreadable-folder", "error", policies_dir.as_posix(), 0, 0, 1, str(error)
        )
        raise BundleError((finding,)) from None


def build_bundle(
    sources: Sources, *, now: datetime, pace: Pace | None = None, previous: Bundle | None = None
) -> Bundle:
    """Make a bundle of files that were read.

    Policies of the `previous` bundle whose text is the same are not parsed again, nor validated
    again under the same schema.

    1. the schema, 2. the policies, 3. policies against the schema, 4. entities, 5. forms, workflows
    and mapping, 6. lints over the whole, 7. what comments allow, 8. refuse or index.

    Raises:
        BundleError: with every finding, when one of them is an error.
    """
    pace = pace or Pace()
    report = Report()
    schema = load_schema(sources.of("schema"), report)
    loaded = _policies(sources, schema, report, pace, previous)
    entities = load_entities(sources.of("entities"), schema, report)
    forms = load_forms(sources.of("form"), report)
    workflows = load_workflows(sources.of("workflows"), forms, loaded, schema, report)
    mapping = load_mapping(sources.of("mapping"), schema, report)
    lint_policies(loaded, workflows.names, report)
    _remark(sources, report)
    findings = apply_allowances(report.findings(), loaded)
    if any(finding.severity == "error" for finding in findings):
        raise BundleError(findings)
    policies = tuple(placed.policy for placed in loaded)
    pace()
    return Bundle(
        version=sources.version,
        loaded_at=now,
        policies=policies,
        slices=SliceIndex(policies, workflows.names),
        schema=schema,
        mapping=mapping,
        workflows=workflows,
        entities=entities,
        forms=forms,
        findings=findings,
    )


def _policies(
    sources: Sources, schema: Schema | None, report: Report, pace: Pace, previous: Bundle | None
) -> list[Placed]:
    known = None
    if previous is not None:
        known = known_of(previous.policies, previous.findings, sources.folder)
    loaded, fresh = load_policies(sources.of("policy"), report, pace, known)
    if schema is not None:
        same = previous is not None and previous.schema == schema
        validate_policies(fresh if same else loaded, schema, report, pace)
    return loaded


def _remark(sources: Sources, report: Report) -> None:
    """What is not wrong but worth a word about the folder as a whole."""
    if not sources.of("policy"):
        message = "there is no policy: all is denied"
        fix = "write a `.cedar` file"
        report.put(Finding("no-policies", "warning", sources.folder, 0, 0, 1, message, fix))
    elif not sources.of("schema"):
        message = "there is no schema: misspelt names and wrong types go unseen"
        fix = "write a `.cedarschema` file in the schema folder"
        report.put(Finding("missing-schema", "note", sources.folder, 0, 0, 1, message, fix))
