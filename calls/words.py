"""The words for states, outcomes, flags and clock rules, the same on every page. Pure."""

from calls.records import CallState, Outcome

Words = tuple[str, str]  # a short name and what it means

OUTCOME_WORDS = {
    Outcome.IN_PROGRESS: "In progress",
    Outcome.ANSWERED: "Answered",
    Outcome.ABANDONED: "Abandoned",
    Outcome.NO_ANSWER: "No answer",
    Outcome.UNKNOWN: "Unknown",
}
STATE_WORDS = {
    CallState.QUEUED: "Queued",
    CallState.RINGING: "Ringing",
    CallState.TALKING: "Talking",
    CallState.HELD: "Held",
}
COST_WORDS = {  # by calls.models.CostStatus
    "rated": "Priced",
    "not_charged": "Not charged",
    "unrated": "Unrated",
    "stale": "End not seen",
    "off": "Not priced",
}
FLAG_WORDS: dict[str, Words] = {
    "clock_later_candidate": (
        "Morning or afternoon guessed",
        "Neither reading of the PBX's 12-hour clock fitted; the later was taken.",
    ),
    "clock_no_id_time": ("No time in the call ID", "Only the line's own clock told the time."),
    "clock_id_disagrees": (
        "Clock and call ID disagree",
        "Receipt and the call ID point to different half-days; receipt was trusted.",
    ),
    "clock_missing_hour": (
        "In spring's missing hour",
        "The PBX named a local time that does not exist; it was moved forward.",
    ),
    "clock_repeated_hour": (
        "In autumn's repeated hour",
        "The local time came twice that night; the raw lines say how each was read.",
    ),
    "unknown_event": ("Unknown event", "A line of a kind we do not know: kept, without effect."),
    "number_full_width": ("Number may be cut", "It fills all 15 places of the line."),
    "number_ambiguous": (
        "Number has two readings",
        "Both the national and the international one are valid; the national was taken.",
    ),
    "trunk_changed": ("Trunk changed", "Later lines name another trunk; the first is kept."),
    "second_answer": ("Answered twice", "A second ANSWERED came; the first time stands."),
    "event_after_end": ("Events after its end", "Lines came after the call had ended; they are shown, without effect."),
    "event_while_talking": (
        "Rang while talking",
        "The PBX sent ringing, queueing or diverting during the conversation.",
    ),
    "out_of_order": ("Lines out of order", "Lines came late; the call was put together again in the right order."),
    "direction_changed": ("Direction changed", "Its lines name both directions; the first is kept."),
    "answer_unseen": ("Answer not seen", "No ANSWERED line came; the first sign of a connection was taken for it."),
    "count_limited": ("Figures capped", "A count or duration outgrew its place."),
}
PARTIAL: Words = (
    "Beginning not seen",
    "Its first lines never reached us, so times before the first event are unknown.",
)
STALE: Words = ("End not seen", "No line came for the feed's stale time; it was closed at its last event.")
LOST_IN_TRANSFER: Words = ("Lost in transfer", "The call ended before the new device took it.")
LOST_ON_HOLD: Words = ("Lost on hold", "The call ended while it was held.")
CLOCK_WORDS = {  # by ingest.clock.ClockRule
    1: "the stamp says which half of the day it is",
    2: "the reading within 3 hours of receipt",
    3: "the first reading that fits the call ID",
    4: "no reading fitted the call ID, the later was taken",
    5: "no time in the call ID, the reading nearest receipt was taken",
    6: "no time in the call ID, the stamp was taken as it is",
}
