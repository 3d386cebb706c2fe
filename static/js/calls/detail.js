// Copy link: the button shows only where a script can copy.

const button = document.querySelector("[data-copy-link]");

if (button && navigator.clipboard) {
	const word = button.querySelector("[data-copy-word]");
	const before = word.textContent;
	button.hidden = false;
	button.addEventListener("click", async () => {
		await navigator.clipboard.writeText(location.href.split("#")[0]);
		word.textContent = "Copied";
		setTimeout(() => { word.textContent = before; }, 2000);
	});
}
