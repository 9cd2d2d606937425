"""Config of the data: which examples, what they must satisfy, how they become labels.

The other sections of a `RunConfig` stand in `agile_classifier.config.split`, `.training`, `.evaluation` and `.run`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agile_classifier.config import bounds
from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.addresses.named_source import NamedSource
from agile_classifier.config.addresses.source import Source
from agile_classifier.config.labels.many import MANY, many_names, require_many
from agile_classifier.config.moderation.evasion import Normalize
from agile_classifier.config.section import ClassNames, Marks, Section

SHARED = ("columns", *Dialect.model_fields)
"""Fields of a named source that `data` gives it where it leaves them out."""
ONLY = "data"
"""Name of the source that `data.source` is short for."""


class DataConfig(Dialect, Source):
    """Where the examples come from and how they are read: one `source`, or several `sources`."""

    sources: Annotated[tuple[NamedSource, ...], Field(min_length=1, max_length=bounds.MOST_NAMES)] | None = None
    """Several sources in place of `source`: each its name, its address and its own reading. Their examples are one
    table; an example's id is NAME/ID."""
    relabel: Literal["latest", "mean", "error"] | None = None
    """What becomes of an example that stands more than once, known by its source and id, or, without
    `data.columns.id`, by its text: the `latest` label counts, or the `mean` of its scores, or two labels are an
    `error`. By default `latest` with `data.sources`; with `data.source` every row is an example."""
    snapshot: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$", max_length=36)] | None = None
    """Id of the `raw_examples` of an earlier run, which are read in place of any source; `agile train --data-from` sets
    it."""
    columns: Columns = Columns()
    """Which columns play which role."""
    reverse_coded: tuple[bounds.Score, bounds.Score] | None = None
    """Ends of a scale whose low end is to be class 1 (lower is more severe): a score is read as low + high - score, so
    that of 1 to 5 a 1 becomes 5. Label threshold and bounds are in the scale so read."""
    repair: Annotated[tuple[Literal["treebank", "mojibake", "whitespace"], ...], Field(max_length=9)] = ()
    """Repairs applied to every text, in this order."""
    normalize: Normalize = ()
    """What is undone in a text before the classifier reads it, alike in training, scoring and serving, and recorded in
    the version: `zero_width` and `combining` characters, forms that `nfkc` makes one, letters of other alphabets that
    look alike (`confusables`), `spacing` of letters, `repeats`; `all` or true: everything. What people see stays."""
    limit: bounds.Rows | None = None
    """Number of rows read, from the top; all without it."""

    @model_validator(mode="before")
    @classmethod
    def _share_reading(cls, section: Any) -> Any:
        """What every source has in common is said once."""
        sources = section.get("sources") if isinstance(section, dict) else None
        if not isinstance(sources, list | tuple) or not all(isinstance(source, dict) for source in sources):
            return section
        shared = {name: section[name] for name in SHARED if name in section}
        return {**section, "sources": [_completed(source, shared) for source in sources]}

    @model_validator(mode="after")
    def _sources_agree(self) -> DataConfig:
        if (self.source is None) == (self.sources is None):
            found = "neither" if self.source is None else "both"
            raise ValueError(f"name where the examples come from in data.source, or in data.sources; found {found}")
        if self.sources and (self.sha256 or self.revision or self.query):
            raise ValueError("sha256, revision and query belong to the source that they are of, in data.sources")
        names = [source.name for source in self.parts]
        if len(set(names)) < len(names):
            raise ValueError(f"data.sources: names must differ, found {names}")
        for role, has in {
            "a score": [source.columns.has_score for source in self.parts],
            "columns.group": [source.columns.group is not None for source in self.parts],
        }.items():
            if any(has) and not all(has):
                raise ValueError(f"data.sources: {names[has.index(True)]} has {role}, {names[has.index(False)]} none")
        return self

    @property
    def parts(self) -> tuple[NamedSource, ...]:
        """Every source with its reading: `sources`, or the one that `source` is short for."""
        if self.sources is not None:
            return self.sources
        fields = {name: getattr(self, name) for name in (*Source.model_fields, *SHARED)}
        return (NamedSource.model_construct(name=ONLY, rename={}, **fields),)

    @property
    def has_score(self) -> bool:
        """Whether the examples have a score."""
        return any(source.columns.has_score for source in self.parts)

    @property
    def has_raters(self) -> bool:
        """Whether examples have the answers of several raters."""
        return any(source.columns.has_raters for source in self.parts)

    @property
    def has_group(self) -> bool:
        """Whether the examples have a group."""
        return any(source.columns.group is not None for source in self.parts)

    @property
    def relabelling(self) -> Literal["latest", "mean", "error"] | None:
        """What becomes of an example that stands more than once."""
        return self.relabel or ("latest" if self.sources else None)

    @property
    def is_pinned(self) -> bool:
        """Whether none of the sources can ever hold other bytes."""
        return self.snapshot is not None or all(source.is_pinned for source in self.parts)


def _completed(source: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """A source with what is shared where it says nothing of its own, column by column."""
    columns = [each.get("columns") for each in (shared, source)]
    if all(isinstance(each, dict) for each in columns):
        source = {**source, "columns": {**columns[0], **columns[1]}}  # type: ignore[dict-item]
    return {**shared, **source}


class ValidationConfig(Section):
    """What the examples must satisfy before anything is learnt from them."""

    suite: bounds.Address = "expectations/examples.yaml"
    """Expectation suite, relative to the configs folder."""
    score_min: bounds.Score = 0.0
    """Smallest allowed score, in the unit of the source."""
    score_max: bounds.Score = 1.0
    """Largest allowed score, in the unit of the source."""
    min_rows: bounds.Rows = 50
    """Smallest allowed number of examples."""
    min_class_rows: bounds.Rows = 10
    """Smallest allowed number of examples of any class."""

    @model_validator(mode="after")
    def _bounds_agree(self) -> ValidationConfig:
        if self.score_min > self.score_max:
            raise ValueError(
                "validation.score_min must not be above validation.score_max;"
                f" found {self.score_min:g} and {self.score_max:g}"
            )
        return self


class LabelsConfig(Section):
    """How scores or given columns become labels 0, 1, …"""

    rule: Literal["median", "quantile", "value", "given", "any", "many"] = "median"
    """`median`, `quantile`, `value`: 1 where score >= label threshold; `given`: a column holds classes; `any`: 1 where
    any column is set; `many`: each column is a label of its own, and a text carries any number of them."""
    quantile: bounds.Share | None = None
    """Share of scores below the label threshold, for `quantile`."""
    value: bounds.Score | None = None
    """The label threshold, for `value`, in the unit of the score; for `many`, that of every column of scores."""
    columns: bounds.Names = ()
    """Source columns read by `given` (one), by `any` (one or more: 0/1, yes/no, or text that is empty where the kind is
    absent) and by `many` (a column a label: 0/1, yes/no, or with `value` a score; or one that lists labels)."""
    joined_by: bounds.Sign | None = None
    """What parts the labels in a cell of the one column of `many`, as `|` in `race|gender`; lists of JSON need none."""
    label_thresholds: dict[bounds.Cell, bounds.Score] = Field({}, max_length=bounds.MOST_NAMES)
    """Column → its label threshold, for `many`, where that is another than `value`."""
    absent: ClassNames = ()
    """Words that mean in a kind's column (rule `any`), or from a rater, that the kind is absent, beside an empty cell,
    0, no, false and none; every other word then means that it is present. `[""]` adds none."""
    not_rated: Marks = ()
    """Numbers or words that stand where nobody gave a score or class (-1, 99, "skipped"); such a cell counts as
    empty."""
    unlabelled: Literal["refuse", "leave_out"] = "refuse"
    """What is done with rows without a score or class: `refuse` the data, or `leave_out` those rows, counted; `agile
    queue` can then draw from them."""
    fold: bool = False
    """Whether classes that differ by case, space, decimals or type alone (`Yes`, `yes `; `1`, `1.0`; `1`, `true`) are
    one; without it they are refused."""
    fit_on: Literal["train", "all"] = "train"
    """Rows that the label threshold is computed from: `train` leaks nothing, `all` is the codelab's protocol."""
    refit: bool = False
    """Whether the label threshold of rule `median` or `quantile` is fitted anew where the model has a champion: the
    classes then mean something else, and promotion takes it as another task. Without it the champion's is kept, so that
    rows that come later change no other row's class."""
    names: ClassNames | None = None
    """Names of classes 0, 1, …; for `given`, the column's values in this order (default: natural order, 2 before 10),
    or a mapping from each value to the name of its class, `{"0": World, "1": Sports}`."""
    codes: ClassNames | None = None
    """The column's values that `names` stand for, one each; a mapping in `names` fills it in."""
    raters: Literal["mean", "share", "dawid_skene", "mace"] = "mean"
    """How the answers of several raters become the score of a text: their `mean`, yes and no being 1 and 0; the `share`
    that says yes, which refuses other numbers; or the answer to be expected once `dawid_skene` or `mace` has learnt how
    far each rater can be trusted: of yes and no, the probability of yes."""
    repeated: Literal["refuse", "last"] = "refuse"
    """What is done where one rater gave one text two answers that differ: `refuse` the data, or take the `last`."""
    target: Literal["hard", "soft", "votes"] = "hard"
    """What training aims at: the class; `soft`, a probability that rises with the score where annotators are divided;
    or `votes`, the share of a text's raters whose answer is at or above the label threshold, a text counting as much
    as it has answers."""
    most_votes: bounds.Rows | None = None
    """Answers above which a text counts no more, for target `votes`; without it every answer counts."""
    softness: Annotated[float, Field(gt=0, le=bounds.LARGEST_SCORE)] = 0.08
    """How far from the label threshold a score still leaves doubt, in its unit, for target `soft`: there the
    probability is 0.73 (logistic slope)."""
    doubtful_band: Annotated[float, Field(ge=0, le=bounds.LARGEST_SCORE)] = 0.0
    """Train texts whose score is this near to the label threshold, in its unit, count `doubtful_weight`; 0: none is
    doubtful."""
    doubtful_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    """What a doubtful text counts in training, against 1 of every other; 0 leaves it out."""

    @model_validator(mode="before")
    @classmethod
    def _part_codes_from_names(cls, section: Any) -> Any:
        """A mapping is kept as two lists, since a mapping's order does not outlive every file and database."""
        names = section.get("names") if isinstance(section, dict) else None
        if not isinstance(names, dict):
            return section
        codes = [str(code) if isinstance(code, int) and not isinstance(code, bool) else code for code in names]
        return {**section, "names": list(names.values()), "codes": codes}

    @model_validator(mode="after")
    def _fields_agree(self) -> LabelsConfig:
        self._require_rule_fields()
        self._require_names()
        require_many(self)
        return self

    def _require_rule_fields(self) -> None:
        needs = {"quantile": self.quantile, "value": None if self.rule == MANY else self.value}
        for rule, given in needs.items():
            if (self.rule == rule) != (given is not None):
                raise ValueError(f"labels.{rule} belongs to labels.rule {rule}; found rule {self.rule}, {rule} {given}")
        if self.most_votes is not None and self.target != "votes":
            raise ValueError(f"labels.most_votes belongs to labels.target votes; found target {self.target}")
        if self.rule == "given" and len(self.columns) != 1:
            raise ValueError(f"labels.rule given needs exactly one name in labels.columns, found {list(self.columns)}")
        if (self.rule in ("given", "any", MANY)) != bool(self.columns):
            raise ValueError(
                f"labels.columns belongs to labels.rule given, any or many; found rule {self.rule},"
                f" columns {list(self.columns)}"
            )
        if self.refit and self.fitted_rule is None:
            raise ValueError(f"labels.refit belongs to labels.rule median or quantile; found rule {self.rule}")
        if self.fold and self.rule != "given":
            raise ValueError(f"labels.fold belongs to labels.rule given; found rule {self.rule}")
        if self.absent and self.rule == "given":
            raise ValueError(f"labels.absent belongs to labels.rule any, or to raters; found {list(self.absent)}")
        if not self.needs_score and self.raters != "mean":
            raise ValueError(f"labels.raters {self.raters} makes a score; labels.rule {self.rule} reads classes")
        if not self.needs_score and (self.target != "hard" or self.doubtful_band):
            field = f"target {self.target}" if self.target != "hard" else "doubtful_band"
            raise ValueError(f"labels.{field} needs annotators' scores; labels.rule {self.rule} reads classes")
        if self.doubtful_weight and not self.doubtful_band:
            raise ValueError(
                "labels.doubtful_weight belongs to a labels.doubtful_band above 0;"
                f" found doubtful_band {self.doubtful_band}, doubtful_weight {self.doubtful_weight}"
            )

    def _require_names(self) -> None:
        if self.codes is not None:
            self._require_codes(self.codes)
        elif self.names is not None and len(set(self.names)) < len(self.names):
            raise ValueError(f"labels.names must differ, found {list(self.names)}")
        if self.rule not in ("given", MANY) and self.names is not None and len(self.names) != 2:
            raise ValueError(f"labels.names needs two names for labels.rule {self.rule}, found {list(self.names)}")
        if self.names is not None and len(self.class_names or ()) < 2:
            raise ValueError(f"labels.names needs two classes or more, found {list(self.class_names or ())}")

    def _require_codes(self, codes: tuple[str, ...]) -> None:
        if len(self.names or ()) != len(codes) or len(set(codes)) < len(codes):
            raise ValueError(f"labels.codes needs one name in labels.names each, and must differ, found {list(codes)}")
        if self.rule not in ("given", MANY) and sorted(codes) != ["0", "1"]:
            raise ValueError(f"labels.names of labels.rule {self.rule} are those of 0 and 1, found {list(codes)}")

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of classes 0, 1, …; None where the data give them. Several codes may have one name: one class."""
        if self.rule == MANY:
            return many_names(self)
        if self.names is None or self.codes is None:
            return self.names
        order = (
            sorted(zip(self.codes, self.names, strict=True))
            if self.rule != "given"
            else zip(self.codes, self.names, strict=True)
        )
        return tuple(dict.fromkeys(name for _, name in order))

    @property
    def needs_score(self) -> bool:
        """Whether the rule cuts scores (rather than reading classes)."""
        return self.rule in ("median", "quantile", "value")

    @property
    def fitted_rule(self) -> str | None:
        """Rule that fits the label threshold on rows, as `median` or `quantile 0.7`; None where nothing is fitted."""
        return {"median": "median", "quantile": f"quantile {self.quantile}"}.get(self.rule)
