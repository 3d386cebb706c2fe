// A call in words.

export const WORDS = { queued: "Queued", ringing: "Ringing", held: "Held", talking: "Talking" };
const OUTCOMES = { answered: "Answered", abandoned: "Abandoned", no_answer: "No answer", unknown: "Unknown" };

export const look = (call) => (call.state === "ended" ? call.outcome : call.state);
export const word = (call) => WORDS[call.state] ?? OUTCOMES[call.outcome] ?? "Ended";
export const outside = (call) => call.contact_name || call.number_display || "Number withheld";
export const inside = (call) => call.device_name || call.device || call.extension_name || call.extension;

/** How long it took, once it has ended: the talk, or the wait. */
export const took = (call) => Date.parse(call.ended_at) - Date.parse(call.answered_at ?? call.started_at);

export function seconds(count) {
  if (count < 60) return `${count} s`;
  return count < 3600 ? `${count / 60} min` : `${count / 3600} h`;
}
