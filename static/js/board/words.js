export const WORDS = { queued: "Queued", ringing: "Ringing", held: "Held", talking: "Talking" };
const OUTCOMES = { answered: "Answered", abandoned: "Abandoned", no_answer: "No answer", unknown: "Unknown" };

export const look = (call) => (call.state === "ended" ? call.outcome : call.state);
export const word = (call) => WORDS[call.state] ?? OUTCOMES[call.outcome] ?? "Ended";
export const outside = (call) => call.contact_name || call.number_display || "Number withheld";
export const inside = (call) => call.device_name || call.device || call.extension_name || call.extension;

export const took = (call) => Date.parse(call.ended_at) - Date.parse(call.answered_at ?? call.started_at);

export const seconds = (count) => (count < 60 ? `${count} s` : count < 3600 ? `${count / 60} min` : `${count / 3600} h`);

const GROUPS = {
	state: word,
	department: (call) => call.department || "Without department",
	trunk: (call) => [call.trunk_name, call.trunk].filter(Boolean).join(" ") || "Without trunk",
	did: (call) => call.did_name || call.did || "Without DID",
};

/** The calls in groups by name (states as they come), each after its head. */
export function grouped(calls, by) {
	if (!GROUPS[by]) return calls;
	const sorted = [...Map.groupBy(calls, GROUPS[by])];
	if (by !== "state") sorted.sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
	return sorted.flatMap(([head, members]) => [{ id: `g${head}`, head, count: members.length }, ...members]);
}

/** Whether a name or number of the call has the text; times and ids are none. */
export const has = (call, text) =>
	(call.text ??= Object.values(call).filter((value) => !/^\d{4}-\d\d-|^\d{22}$/.test(value)).join("\n").toLowerCase()).includes(text.trim().toLowerCase());
