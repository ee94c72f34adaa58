"""A policy folder as one immutable value: read, parsed, checked, or refused as a whole."""

from collections.abc import Mapping as Members
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pdp.core.values import JsonObject
from pdp.policy.finding import BundleError, Finding, Report, Severity
from pdp.policy.policy import Policy
from pdp.policy.schema_types import Schema
from pdp.policy.source_files import Pace, no_pace, read_sources

if TYPE_CHECKING:
    from pdp.core.workflow import Workflows
    from pdp.policy.mapping import Mapping
    from pdp.policy.slicing import SliceIndex

__all__ = ["Bundle", "BundleError", "Finding", "Severity", "load_bundle"]


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
    slices: "SliceIndex"
    schema: Schema | None
    mapping: "Mapping"
    workflows: "Workflows"
    entities: tuple[JsonObject, ...]
    forms: Members[str, JsonObject]
    findings: tuple[Finding, ...]


def load_bundle(
    policies_dir: Path, schemas_dir: Path | None, *, now: datetime, pace: Pace = no_pace
) -> Bundle:
    """Load a policy folder and its schema folder, all or nothing (contract, section 4).

    Raises:
        BundleError: with every finding, when one of them is an error.
        UnreadableFolder: when the folder cannot be read at all.
    """
    raise NotImplementedError
