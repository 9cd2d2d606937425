"""Made-up files of the kinds that people bring: columns whose cells repeat in turn, and the roles that are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

N_ROWS = 60
WHO = ["cousin", "referee", "barista", "driver", "teacher", "moderator", "vendor", "librarian", "intern", "cyclist"]
DID = ["shouted across the hall", "returned the wallet", "blocked the road", "answered each question", "spilled paint"]
AFTER = ["and nobody expected it", "so we left early", "with two witnesses watching", "as usual on a monday"]
AGENT = "I am sorry to hear that, could you please tell me a little more about what happened with {} on that day".format


@dataclass(frozen=True)
class Stranger:
    """A file and its right roles; where `asks` is set, a question about that is right too."""

    name: str
    columns: Mapping[str, Sequence[Any]]
    text: str
    learnt: tuple[str, ...]
    """`score`, `classes` or `raters`, and the columns."""
    asks: bool = False

    def frame(self, n_rows: int = N_ROWS) -> pd.DataFrame:
        """The table, each column's cells repeated in turn."""
        return pd.DataFrame(
            {name: [cells[row % len(cells)] for row in range(n_rows)] for name, cells in self.columns.items()}
        )


def say(n: int = N_ROWS, *, start: int = 0) -> list[str]:
    """Texts of some 60 characters, all different."""
    return [f"the {WHO[row % 10]} {DID[row % 5]} {AFTER[row % 4]} number {row}" for row in range(start, start + n)]


def brief(n: int = N_ROWS) -> list[str]:
    """Short turns of a chat, which recur."""
    return [["no", "yes please", "you are stupid", "what is that", "shut up now", "fine"][row % 6] for row in range(n)]


LONG, REMARK = say(), [AGENT(word) for word in say(start=900)]
ZH = [f"这家餐厅的服务非常好我很喜欢还会再来第{row}次" for row in range(N_ROWS)]
JA = [f"昨日の映画はとても面白かったのでまた見たいです{row}回" for row in range(N_ROWS)]
TH = [f"อาหารที่ร้านนี้อร่อยมากและพนักงานใจดี{row}" for row in range(N_ROWS)]
KEYS = list(range(1000, 1000 + N_ROWS))
DAYS = ["2026-05-01", "2026-05-02", "2026-05-03"]
PEOPLE = [f"user_{row % 15}" for row in range(N_ROWS)]
SHARES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]

STRANGERS = (
    Stranger("plain classes", {"text": LONG, "label": ["ham", "spam", "ham"]}, "text", ("classes", "label")),
    Stranger("plain score", {"comment": LONG, "toxicity": SHARES}, "comment", ("score", "toxicity")),
    Stranger(
        "chat with the other speaker's turns",
        {
            "example_id": KEYS, "conv_id": [f"c{row // 4}" for row in range(N_ROWS)], "prev_agent": REMARK,
            "prev_user": brief(), "agent": list(reversed(REMARK)), "text": brief(), "bot": ["eliza", "carbon"],
            "severity": [1, 0, 1, -1, 1, -3],
        },
        "text", ("score", "severity"), asks=True,
    ),
    Stranger(
        "user turns without a column text", {"agent_reply": REMARK, "user_message": brief(), "abusive": ["no", "yes", "no"]},
        "user_message", ("classes", "abusive"),
    ),
    Stranger("rationale", {"sentence": LONG, "explanation": REMARK, "gold_label": ["a", "b"]}, "sentence", ("classes", "gold_label")),
    Stranger("reply and parent", {"body": LONG, "parent_body": REMARK, "removed": ["true", "false", "false"]}, "body", ("classes", "removed")),
    Stranger("title and body", {"title": say(start=200), "body": LONG, "stance": ["for", "against"]}, "body", ("classes", "stance")),
    Stranger("translation", {"tweet": LONG, "translation": REMARK, "hate": [0, 1, 0]}, "tweet", ("classes", "hate")),
    Stranger("mostly empty remarks", {"q1": LONG, "notes": [REMARK[0], "", "", ""], "stars": [1, 2, 3, 4, 5]}, "q1", ("score", "stars")),
    Stranger("Chinese", {"评论": ZH, "标签": ["好", "坏"]}, "评论", ("classes", "标签")),
    Stranger("Japanese", {"本文": JA, "評価": [1, 2, 3, 4, 5]}, "本文", ("score", "評価")),
    Stranger("Thai", {"a": TH, "b": ["ดี", "แย่"]}, "a", ("classes", "b")),
    Stranger("German", {"Kommentar": LONG, "Bewertung": [1, 2, 3, 4, 5], "Datum": DAYS}, "Kommentar", ("score", "Bewertung")),
    Stranger("French", {"commentaire": LONG, "étiquette": ["haineux", "neutre", "neutre"], "langue": ["fr", "de"]}, "commentaire", ("classes", "étiquette")),
    Stranger("Spanish", {"texto": LONG, "etiqueta": ["odio", "nada"], "fecha": DAYS}, "texto", ("classes", "etiqueta")),
    Stranger("Russian", {"текст": LONG, "метка": ["да", "нет"], "автор": PEOPLE}, "текст", ("classes", "метка")),
    Stranger("confidence", {"text": LONG, "airline_sentiment": ["negative", "neutral"], "airline_sentiment_confidence": SHARES}, "text", ("classes", "airline_sentiment")),
    Stranger(
        "crowd platform",
        {
            "_unit_id": KEYS, "_golden": ["false", "false", "true"], "_trusted_judgments": [3, 4, 5], "sentiment": ["neg", "pos", "neu"],
            "sentiment:confidence": [1.0, 0.66, 0.34], "text": LONG, "sentiment_gold": ["neg", *([""] * 59)],
            "tweet_location": ["Rome", "Oslo", "Lima"], "retweet_count": [0, 1, 5, 9],
        },
        "text", ("classes", "sentiment"),
    ),
    Stranger("annotation tool", {"id": KEYS, "text": LONG, "choice": ["Ham", "Spam"], "annotator": [1, 2, 3], "lead_time": [3.2, 4.9, 6.6], "created_at": DAYS}, "text", ("classes", "choice")),
    Stranger("place", {"text": LONG, "flag": ["keep", "remove"], "latitude": [41.3, 42.07, 43.5], "longitude": [1.5, 2.5]}, "text", ("classes", "flag")),
    Stranger("agreement", {"text": LONG, "label": ["a", "b"], "agreement": [0.6, 0.8, 1.0], "duration": [1.5, 2.5, 9.5]}, "text", ("classes", "label")),
    Stranger("suggestion", {"text": LONG, "decision": ["ok", "bad"], "suggested_label": ["ok", "bad", "bad"], "suggestion_score": SHARES}, "text", ("classes", "decision")),
    Stranger("model's answer", {"text": LONG, "label": ["ok", "bad"], "predicted_label": ["ok", "bad", "bad"]}, "text", ("classes", "label")),
    Stranger("date", {"date": DAYS, "comment": LONG, "verdict": ["fine", "rude"]}, "comment", ("classes", "verdict")),
    Stranger("language", {"lang": ["en", "de", "fr"], "comment": LONG, "verdict": ["fine", "rude"]}, "comment", ("classes", "verdict")),
    Stranger("country", {"country": ["US", "DE", "FR"], "message": LONG, "spam": ["no", "yes", "no"]}, "message", ("classes", "spam")),
    Stranger("moderator", {"moderator": ["mod0", "mod1", "mod2"], "comment": LONG, "decision": ["approve", "remove"]}, "comment", ("classes", "decision")),
    Stranger("several words", {"text": LONG, "label": ["Toxic", "Not toxic", "Not toxic"]}, "text", ("classes", "label")),
    Stranger("another small set", {"text": LONG, "label": ["no violation found", "hate speech"], "policy": ["P1", "P2", "P3"]}, "text", ("classes", "label")),
    Stranger("30 intents", {"utterance": LONG, "intent": [f"intent_{row:02}" for row in range(30)]}, "utterance", ("classes", "intent")),
    Stranger("codes and names", {"text": LONG, "label": [0, 1, 2, 3], "label_text": ["World", "Sports", "Business", "Tech"]}, "text", ("classes", "label")),
    Stranger("raters", {"text": LONG, "ann1": [0, 1, 0], "ann2": [1, 1, 0, 0], "ann3": [0, 1]}, "text", ("raters", "ann1", "ann2", "ann3")),
    Stranger("raters of a scale", {"text": LONG, "rater_a": [1, 3, 5], "rater_b": [2, 3, 4, 5], "rater_c": [1, 2]}, "text", ("raters", "rater_a", "rater_b", "rater_c")),
    Stranger("raters with gaps", {"text": LONG, "label_1": [1, "", 0], "label_2": [1, 0, "", ""], "label_3": ["", 1]}, "text", ("raters", "label_1", "label_2", "label_3")),
    Stranger("majority", {"comment": LONG, "annotator_1": ["toxic", "ok"], "annotator_2": ["ok", "toxic", "ok"], "majority": ["ok", "toxic"]}, "comment", ("classes", "majority")),
    Stranger("gold and raters", {"comment": LONG, "label_1": ["a", "b"], "label_2": ["b", "a", "b"], "label_maj": ["a", "b", "b"], "label_gold": ["a", "b"]}, "comment", ("classes", "label_gold")),
    Stranger("votes", {"text": LONG, "votes": ["0/3", "1/3", "2/3", "3/3"]}, "text", ("score", "votes")),
    Stranger("per cent", {"text": LONG, "rating": ["20%", "40 %", "75%"]}, "text", ("score", "rating")),
    Stranger("per mille", {"text": LONG, "toxicity": [100, 250, 300, 800]}, "text", ("score", "toxicity")),
    Stranger("sentinel", {"text": LONG, "toxicity": [0.1, 0.7, -99, 0.4]}, "text", ("score", "toxicity")),
    Stranger("minus one to one", {"text": LONG, "polarity": [-1, -0.5, 0, 0.25, 1]}, "text", ("score", "polarity")),
    Stranger("score of two values", {"text": LONG, "score": [0, 1, 0]}, "text", ("classes", "score")),
    Stranger("score of two words", {"text": LONG, "score": ["good", "bad"]}, "text", ("classes", "score")),
    Stranger("survey form", {"Timestamp": ["2026/03/01 9:10:02 AM", "2026/03/02 9:11:02 AM"], "Please read the comment and answer": LONG, "How toxic is it, from 1 (not at all) to 5 (very)?": [1, 4, 2, 5], "Any remarks? (optional)": [REMARK[1], "", "", ""]}, "Please read the comment and answer", ("score", "How toxic is it, from 1 (not at all) to 5 (very)?")),
    Stranger("half labelled", {"text": LONG, "label": ["a", "b", "", ""]}, "text", ("classes", "label")),
    Stranger("parts called label", {"text": LONG, "label": ["train", "train", "test"], "weight": ["spam", "ham"]}, "text", ("classes", "weight")),
    Stranger("parts called text", {"text": ["train", "train", "dev"], "b": LONG, "weight": ["spam", "ham"]}, "b", ("classes", "weight")),
    Stranger("keys called score", {"text": LONG, "score": KEYS, "weight": ["spam", "ham"]}, "text", ("classes", "weight")),
    Stranger("class called None", {"text": LONG, "kind": ["None", "Hate", "None"]}, "text", ("classes", "kind")),
    Stranger("capitals", {"TEXT": LONG, "LABEL": ["A", "B"], "ID": KEYS}, "TEXT", ("classes", "LABEL")),
    Stranger("addresses", {"url": [f"https://x.org/{key}" for key in KEYS], "content": LONG, "category": ["news", "blog"]}, "content", ("classes", "category")),
    Stranger("eight kinds", {"comment": LONG, "violence": SHARES, "gender": SHARES, "race": SHARES}, "comment", (), asks=True),
    Stranger("two kinds", {"text": LONG, "insult": ["none", "insult"], "threat": ["none", "threat", "none"]}, "text", (), asks=True),
    Stranger("three levels", {"text": LONG, "label_sexist": ["no", "yes"], "label_category": ["x", "y", "z"]}, "text", ("classes", "label_sexist"), asks=True),
    Stranger("a pair of texts", {"question1": LONG, "question2": REMARK, "is_duplicate": [0, 1]}, "", (), asks=True),
    Stranger("only a confidence", {"text": LONG, "confidence": SHARES}, "text", (), asks=True),
    Stranger("only persons", {"text": LONG, "annotator": ["ann", "bob"]}, "text", (), asks=True),
    Stranger("a nameless scale or codes", {"a": LONG, "b": [1, 2, 3, 4, 5]}, "a", (), asks=True),
)  # fmt: skip
"""Invented files; none of them names a person or a place that is."""
