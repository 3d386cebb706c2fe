// Editing in place: a cell is a button; Enter saves, Tab saves and goes on, Escape cancels.

for (const table of document.querySelectorAll("[data-directory][data-may-edit=true]")) {
	const choices = JSON.parse(document.getElementById("directory-choices").textContent);
	const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;

	table.addEventListener("click", (event) => {
		const button = event.target.closest(".tb-cell");
		if (button) edit(button.closest("td"));
	});

	function edit(cell) {
		const { field, value } = cell.dataset, button = cell.querySelector(".tb-cell");
		const input = document.createElement(choices[field] ? "select" : "input");
		input.setAttribute("aria-label", button.getAttribute("aria-label"));
		for (const [key, words] of choices[field] ?? []) input.append(new Option(words, key, false, key === value));
		input.value = value;
		button.hidden = true;
		cell.append(input);
		input.focus();
		input.select?.();
		let done = false;

		async function close(save, next) {
			if (done) return;
			if (save && input.value !== value) {
				const errors = await send(cell, field, input.value);
				if (errors) return complain(cell, input, errors);
			}
			done = true;
			input.remove();
			cell.querySelector(".tb-errors")?.remove();
			button.hidden = false;
			if (next) edit(next); else button.focus();
		}

		input.addEventListener("keydown", (event) => {
			if (event.key === "Enter") { event.preventDefault(); close(true); }
			if (event.key === "Escape") { event.preventDefault(); close(false); }
			if (event.key === "Tab") {
				const cells = [...table.querySelectorAll(`td[data-field="${field}"]`)], next = cells[cells.indexOf(cell) + (event.shiftKey ? -1 : 1)];
				if (next) event.preventDefault();
				close(true, next);
			}
		});
		if (choices[field]) input.addEventListener("change", () => close(true));
		input.addEventListener("blur", () => { setTimeout(() => { if (!done && !cell.contains(document.activeElement)) close(true); }, 100); });
	}

	async function send(cell, field, value) {
		const body = new URLSearchParams({ [field]: value, csrfmiddlewaretoken: token });
		const answer = await fetch(cell.closest("tr").dataset.edit, { method: "POST", body }).catch(() => null);
		if (!answer) return ["The server does not answer; nothing was saved."];
		if (answer.status === 422) return Object.values((await answer.json()).errors).flat();
		if (!answer.ok) return [answer.status === 403 ? "You may not change this." : "It was not saved; load the page again."];
		const shown = (await answer.json()).saved[field], button = cell.querySelector(".tb-cell");
		cell.dataset.value = value;
		button.textContent = shown || "–";
		button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/: .*$/, `: ${shown || "none"}`));
		const mark = Object.assign(document.createElement("span"), { className: "tb-saved", textContent: " Saved" });
		button.append(mark);
		setTimeout(() => mark.remove(), 2000);
		return null;
	}

	function complain(cell, input, errors) {
		cell.querySelector(".tb-errors")?.remove();
		cell.append(Object.assign(document.createElement("p"), { className: "tb-errors", role: "alert", textContent: errors.join(" ") }));
		input.focus();
	}
}
