"""Edits by people are in the audit log; what ingest discovers or counts is not."""

from auditlog.registry import auditlog

from calls.directory import models

for model in (
    models.Access,
    models.AccountCode,
    models.Carrier,
    models.Contact,
    models.Department,
    models.Did,
    models.Extension,
    models.Feed,
    models.Trunk,
):
    auditlog.register(
        model,
        exclude_fields=["first_seen_at"] if hasattr(model, "first_seen_at") else None,
    )
