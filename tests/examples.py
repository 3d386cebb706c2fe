"""How many examples a property test draws: few in every run, many when somebody looks further (script/fuzz)."""

import hypothesis


def examples(few: int) -> hypothesis.settings:
    """Settings of a property test: `few` examples, or as many as a profile that asks for more (`deep`)."""
    asked = hypothesis.settings.default.max_examples if hypothesis.settings.default else few
    return hypothesis.settings(max_examples=asked if asked > 1_000 else few, deadline=None)
