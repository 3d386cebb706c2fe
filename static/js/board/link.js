// A wall link's token stands behind the #, which is never sent: it is posted once.
const [form] = document.forms;
const token = location.hash.slice(1);
if (token) {
	history.replaceState(null, "", location.pathname);
	form.elements.token.value = token;
	form.submit();
}
