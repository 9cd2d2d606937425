"""Raters' section of the validation page: agreement, and a table of raters."""

from __future__ import annotations

from jinja2 import Environment, StrictUndefined

from agile_classifier.data.raters.facts import RaterFacts

END = "<footer>"
"""Where the page's last section ends."""
SECTION = """\
<section class="ge-section" id="raters">
<h4>Raters</h4>
<p>{{ facts.sentence }}.</p>
{% if facts.warnings %}
<ul class="sentences warning">{% for warning in facts.warnings %}<li>{{ warning }}</li>{% endfor %}</ul>
{% endif %}
{% if facts.listed %}
<table>
<thead><tr><th>rater</th><th>answers</th><th>agreement with the others</th><th>bias</th><th>posterior accuracy</th>\
<th></th></tr></thead>
<tbody>
{% for row in facts.listed %}
<tr><td>{{ row.name }}</td><td>{{ row.n_answers }}</td><td>{{ shown(row.agreement) }}</td>\
<td>{{ signed(row.bias) }}</td><td>{{ shown(row.accuracy) }}</td><td>{{ row.remark or "" }}</td></tr>
{% endfor %}
</tbody>
</table>
<p>Shown are {{ facts.listed | length }} of {{ facts.n_raters }} raters, those to look at first.
Agreement: 1 always, 0 as by chance, below 0 contrary. Bias: mean of the answers less that of the others' on the same
texts. Posterior accuracy: mean probability that an answer is right, by Dawid-Skene.</p>
{% endif %}
</section>
"""


def add_raters(page: str, facts: RaterFacts | None) -> str:
    """The validation page with a section on the raters, where there are any; names are escaped."""
    if facts is None:
        return page
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    section = environment.from_string(SECTION).render(facts=facts, shown=_shown, signed=_signed)
    before, end, after = page.rpartition(END)
    return f"{before}{section}{end}{after}"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"
