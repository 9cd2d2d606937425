"""Config of the data: which examples, what they must satisfy, how they become labels.

The other sections of a `RunConfig` stand in `agile_classifier.config.split`, `.training`, `.evaluation` and `.run`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agile_classifier.config import bounds
from agile_classifier.config.section import ClassNames, Marks, Section

EMPTY = (
    "\\N", "NULL", "(null)", "[NULL]", "<null>", "<NA>",
    "#N/A", "#NV", "#N/D", "#NULL!", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!",
)  # fmt: skip
"""What databases and spreadsheets write for nothing, and no person for a text; "None" and "NA" may be either."""


class Columns(Section):
    """Which columns of the source play which role."""

    text: bounds.Cell = "text"
    """Column that holds the text."""
    score: bounds.Cell | None = None
    """Column that holds the annotators' score (a number), where the label rule needs one."""
    id: bounds.Cell | None = None
    """Column that names an example; without one, its row number, counted from 1."""
    group: bounds.Cell | None = None
    """Column whose values must not stand on both sides of a split (a document, an author)."""
    raters: bounds.Names = ()
    """Columns of what each rater said, in place of a score column: the score is the mean of their numbers, or the share
    of them that say yes."""

    @model_validator(mode="after")
    def _fields_agree(self) -> Columns:
        if self.raters and self.score is not None:
            raise ValueError(f"score and raters exclude each other; found score {self.score}, raters {self.raters}")
        if len(set(self.raters)) < len(self.raters):
            raise ValueError(f"raters must differ, found {list(self.raters)}")
        return self

    @property
    def has_score(self) -> bool:
        """Whether the examples have a score: a column of it, or columns of raters."""
        return self.score is not None or bool(self.raters)


class Source(Section):
    """Where the examples come from."""

    source: bounds.Address | Annotated[tuple[bounds.Address, ...], Field(min_length=1, max_length=bounds.MOST_NAMES)]
    """A file, https://…, hf://datasets/NAME[/CONFIG] or package://NAME==VERSION/path/in/archive; or a list of them,
    read as one table of the same columns."""
    sha256: bounds.Digests | None = None
    """SHA-256 of the file, or of each file of a list, or of each package; with it `ingest` can be reused, without it
    `ingest` always runs."""
    revision: bounds.Revision | None = None
    """Commit of a hub data set."""

    @property
    def is_pinned(self) -> bool:
        """Whether the source can never hold other bytes, so that fetching it again may be saved."""
        return self.sha256 is not None or (self.revision is not None and self._is_revised)

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, or each of a list."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def _is_revised(self) -> bool:
        """Whether a commit pins all of a list: that of a hub data set says nothing of a file beside it."""
        return isinstance(self.source, str) or all(source.startswith("hf://") for source in self.source)

    @model_validator(mode="after")
    def _pins_agree(self) -> Source:
        if not isinstance(self.source, str) and self.sha256 is not None and len(self.sha256) != len(self.source):
            raise ValueError(
                f"data.sha256 holds {len(self.sha256)} hashes; needed is one for each of {len(self.source)} sources"
            )
        return self


class Dialect(Section):
    """How a file of rows is read; a field counts only where the file's format leaves it open."""

    delimiter: bounds.Sign | None = None
    """Column delimiter; by default the file's suffix decides (.csv `,`, .tsv and .txt a tab)."""
    encoding: bounds.Encoding = "utf-8"
    """Character encoding of the file."""
    column_names: Annotated[tuple[bounds.Cell, ...], Field(max_length=bounds.MOST_NAMES)] | None = None
    """Names of the columns, for a file without a header line."""
    quoting: bool = True
    """Whether double quotes enclose values."""
    escape: bounds.Sign | None = None
    """Character, most often a backslash, that makes a delimiter, quote, line end or itself behind it a plain
    character."""
    decimal: Literal[".", ","] = "."
    """Decimal mark of the numbers in the cells."""
    sheet: bounds.Cell | None = None
    """Sheet of a workbook (.xlsx, .ods) that holds the rows, where several hold some."""
    empty: Annotated[tuple[bounds.Cell, ...], Field(max_length=bounds.MOST_NAMES)] = EMPTY
    """Words that programs write for a cell that holds nothing: such a cell is no text, no score and no class, in
    training as in scoring. In double quotes it is the word itself. `[""]`: there is no such word."""


class DataConfig(Dialect, Source):
    """Where the examples come from and how they are read."""

    columns: Columns = Columns()
    """Which columns play which role."""
    reverse_coded: tuple[bounds.Score, bounds.Score] | None = None
    """Ends of a scale whose low end is to be class 1 (lower is more severe): a score is read as low + high - score, so
    that of 1 to 5 a 1 becomes 5. Label threshold and bounds are in the scale so read."""
    repair: Annotated[tuple[Literal["treebank", "mojibake", "whitespace"], ...], Field(max_length=9)] = ()
    """Repairs applied to every text, in this order."""
    limit: bounds.Rows | None = None
    """Number of rows read, from the top; all without it."""


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

    rule: Literal["median", "quantile", "value", "given", "any"] = "median"
    """`median`, `quantile`, `value`: 1 where score >= label threshold; `given`: a column holds classes; `any`: 1 where
    any column is set."""
    quantile: bounds.Share | None = None
    """Share of scores below the label threshold, for `quantile`."""
    value: bounds.Score | None = None
    """The label threshold, for `value`, in the unit of the score."""
    columns: bounds.Names = ()
    """Source columns read by `given` (one) and `any` (one or more: 0/1, yes/no, or text that is empty where the kind is
    absent)."""
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
    names: ClassNames | None = None
    """Names of classes 0, 1, …; for `given`, the column's values in this order (default: natural order, 2 before 10),
    or a mapping from each value to the name of its class, `{"0": World, "1": Sports}`."""
    codes: ClassNames | None = None
    """The column's values that `names` stand for, one each; a mapping in `names` fills it in."""
    target: Literal["hard", "soft"] = "hard"
    """What training aims at: the class, or `soft`, a probability that rises with the score where annotators are
    divided."""
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
        return self

    def _require_rule_fields(self) -> None:
        needs = {"quantile": self.quantile, "value": self.value}
        for rule, given in needs.items():
            if (self.rule == rule) != (given is not None):
                raise ValueError(f"labels.{rule} belongs to labels.rule {rule}; found rule {self.rule}, {rule} {given}")
        if self.rule == "given" and len(self.columns) != 1:
            raise ValueError(f"labels.rule given needs exactly one name in labels.columns, found {list(self.columns)}")
        if (self.rule in ("given", "any")) != bool(self.columns):
            raise ValueError(
                f"labels.columns belongs to labels.rule given or any; found rule {self.rule},"
                f" columns {list(self.columns)}"
            )
        if self.fold and self.rule != "given":
            raise ValueError(f"labels.fold belongs to labels.rule given; found rule {self.rule}")
        if self.absent and self.rule == "given":
            raise ValueError(f"labels.absent belongs to labels.rule any, or to raters; found {list(self.absent)}")
        if not self.needs_score and (self.target == "soft" or self.doubtful_band):
            field = "target soft" if self.target == "soft" else "doubtful_band"
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
        if self.rule != "given" and self.names is not None and len(self.names) != 2:
            raise ValueError(f"labels.names needs two names for labels.rule {self.rule}, found {list(self.names)}")
        if self.names is not None and len(self.class_names or ()) < 2:
            raise ValueError(f"labels.names needs two classes or more, found {list(self.class_names or ())}")

    def _require_codes(self, codes: tuple[str, ...]) -> None:
        if len(self.names or ()) != len(codes) or len(set(codes)) < len(codes):
            raise ValueError(f"labels.codes needs one name in labels.names each, and must differ, found {list(codes)}")
        if self.rule != "given" and sorted(codes) != ["0", "1"]:
            raise ValueError(f"labels.names of labels.rule {self.rule} are those of 0 and 1, found {list(codes)}")

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of classes 0, 1, …; None where the data give them. Several codes may have one name: one class."""
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
