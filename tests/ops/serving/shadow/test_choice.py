"""Choice of a shadow: what is named is found, and what cannot stand in a shadow is one line."""

from __future__ import annotations

from typing import Any

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.shadow.choice import ShadowChoice, find_shadows
from agile_classifier.ops.serving.versions import Target
from tests.toys.toy_serving import Store

TOY, OTHER = Target("toy", "1", "champion"), Target("other", "1", "champion")


def test_a_version_or_alias_is_found(store: Store) -> None:
    (by_alias,) = find_shadows(ShadowChoice(("candidate",)), [TOY])
    assert (by_alias.model_name, by_alias.version, by_alias.alias) == ("toy", "3", "candidate")
    (by_number,) = find_shadows(ShadowChoice(("toy=2",)), [TOY, OTHER])
    assert (by_number.version, by_number.alias) == ("2", None)
    assert find_shadows(ShadowChoice(), [TOY, OTHER]) == []
    store.client.set_registered_model_alias("toy", "mine", "1")
    assert find_shadows(ShadowChoice(("mine",)), [TOY])[0].version == "1"  # it may move on


@pytest.mark.parametrize(("options", "said"), [
    ({"versions": ("2",), "share": 0}, "--share 0: a share above 0 and up to 1 is needed"),
    ({"versions": ("2",), "share": 1.5}, "--share 1.5: a share above 0"),
    ({"versions": ("2",), "share": float("nan")}, "--share nan: a share above 0"),
    ({"versions": ("99",)}, "model toy: no version 99; there are: 1, 2, 3"),
    ({"versions": ("best",)}, "model toy: no version has the alias 'best'"),
    ({"versions": ("1",)}, "--shadow 1: version 1: it is the version that is served, and would be compared with itself"),
    ({"versions": ("2", "3")}, "--shadow 3: model toy has a shadow already, 2; name one"),
    ({"versions": ("toi=2",)}, "--shadow toi=2: no model 'toi' is served; there are toy"),
    ({"versions": ("2",), "differs": lambda *_: "it tells a and b apart, and the champion c and d"}, "--shadow 2: version 2: it tells a and b apart, and the champion c and d"),
])  # fmt: skip
def test_what_cannot_stand_in_a_shadow_is_a_line(store: Store, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_shadows(ShadowChoice(**options), [TOY])


def test_with_several_models_the_shadow_names_its_own(store: Store) -> None:
    with pytest.raises(
        InputError, match="--shadow candidate: of which model\\? write MODEL=candidate, for one of toy, other"
    ):
        find_shadows(ShadowChoice(("candidate",)), [TOY, OTHER])
