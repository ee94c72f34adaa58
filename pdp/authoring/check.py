"""`pdp check`: everything that is wrong with a policy folder, before it is live."""

from datetime import UTC, datetime
from pathlib import Path

from pdp.authoring.findings import as_json, as_text, summary
from pdp.policy.bundle import Bundle, BundleError, Finding, load_bundle

# Nothing of a check depends on when it is made.
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def run_check(policies: Path, schemas: Path | None, *, json: bool = False) -> tuple[int, str]:
    """Check a policy folder with its schema folder.

    Returns:
        The exit status, 0 without errors, 1 with, 2 when the folder cannot be read; and the text
        to print.
    """
    bundle: Bundle | None = None
    findings: tuple[Finding, ...]
    try:
        bundle = load_bundle(policies, schemas, now=_ANY_TIME)
        findings = bundle.findings
        status = 0
    except BundleError as error:
        findings = error.findings
        status = 2 if findings[0].lint == "unreadable-folder" else 1
    if json:
        return status, as_json(findings, **_facts(bundle))
    return status, _text(policies, bundle, findings)


def _text(policies: Path, bundle: Bundle | None, findings: tuple[Finding, ...]) -> str:
    if bundle is None:
        verdict = f"{policies}: refused: {summary(findings)}"
    else:
        facts = _facts(bundle)
        verdict = (
            f"{policies}: {facts['policies']} policies, {facts['workflows']} workflows,"
            f" {facts['entities']} entities: {summary(findings)}"
        )
    return "\n\n".join(part for part in (as_text(findings), verdict) if part)


def _facts(bundle: Bundle | None) -> dict[str, object]:
    if bundle is None:
        return {}
    return {
        "version": bundle.version,
        "policies": len(bundle.policies),
        "workflows": len(bundle.workflows),
        "entities": len(bundle.entities),
        "schema": bundle.schema is not None,
    }
