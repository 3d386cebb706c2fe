"""Edits by people are in the audit log; what ingest discovers or counts is not."""

from auditlog.registry import auditlog

from calls.directory import models

_KEPT_BY_INGEST = {"first_seen_at", "is_heard", "kind_is_set", "refold_wanted", "refolded_to", "forgotten"}

for model in (
    models.AccountCode,
    models.Carrier,
    models.Contact,
    models.Department,
    models.Did,
    models.Extension,
    models.Feed,
    models.Trunk,
):
    ours = [field.name for field in model._meta.fields if field.name in _KEPT_BY_INGEST]
    auditlog.register(model, exclude_fields=ours or None)
auditlog.register(models.Access, m2m_fields={"departments"})
auditlog.register(models.WallLink, m2m_fields={"departments"}, exclude_fields=["token_hash", "used_at"])
