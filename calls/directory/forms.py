"""Forms of the directory's rows, one model form a section: the same checks inline, on a page and from CSV."""

from django import forms

from calls.directory.models import Named
from calls.directory.spreadsheet import SHEETS


def row_form(section: str) -> "type[forms.ModelForm[Named]]":
    """A form over what people may edit of an existing row."""
    sheet = SHEETS[section]
    return forms.modelform_factory(sheet.model, fields=sheet.columns or sheet.key)


def new_form(section: str) -> "type[forms.ModelForm[Named]]":
    """A form for a new row, its key included."""
    sheet = SHEETS[section]
    return forms.modelform_factory(sheet.model, fields=sheet.header)


class ImportForm(forms.Form):
    file = forms.FileField(label="CSV file", widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))
