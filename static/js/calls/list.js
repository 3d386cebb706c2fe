// Empty filters stay out of the address.

for (const form of document.querySelectorAll("form[data-skip-empty]")) {
	form.addEventListener("formdata", (event) => {
		for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
	});
}
