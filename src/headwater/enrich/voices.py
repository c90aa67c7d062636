"""Voices: whether who is named speaks for the majority or for a minority, and for which party.

    by="known"        majority: something is known of the person (the link returned a record)
    by="gender"       majority: male
    by="ethnicity"    majority: a citizen of ``home`` who is of ``majority``, or of whom no
                      ethnicity is known
    by="citizenship"  majority: born in ``home``, or its citizen where no birthplace is known

minority otherwise. By gender, ethnicity and citizenship nothing is said of somebody of whom that is
not known. One entry a mention.

Source:  Vrijenhoek, Benedict, Gutierrez Granada, Odijk, de Rijke, "RADio - Rank-Aware Divergence
         Metrics to Measure Normative Diversity in News Recommendations", RecSys 2022.
         arXiv:2209.13520, and its code
Checked: person by person, tests/enrich/test_voices.py
Differs: the party is the first of the record, in the order of its source, where the authors' code
         takes one of an unordered set; which articles count is for the metrics to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import DataError
from ..model import Model
from ._annotator import one_of
from ._linking import Record

__all__ = ["Voices"]

BY = ("known", "gender", "ethnicity", "citizenship")


@dataclass(kw_only=True, eq=False)
class Voices(Model):
    by: Literal["known", "gender", "ethnicity", "citizenship"] = "known"
    home: str = "United States of America"  # as records call it
    majority: tuple[str, ...] = ("white people", "White Americans")  # ethnicities
    person: str = "PERSON"  # the label of persons

    def __post_init__(self) -> None:
        one_of(self, "by", self.by, BY)

    def voice(self, record: Record | None) -> str | None:
        """ "majority", "minority", or None where it cannot be told."""
        if self.by == "known":
            return "minority" if record is None else "majority"
        if record is None:
            return None
        if self.by == "gender":
            most = record.gender.lower() == "male" if record.gender else None
        elif self.by == "ethnicity":
            ours = self.home in record.citizenship
            most = ours and (
                not record.ethnicity or bool(set(record.ethnicity) & set(self.majority))
            )
            most = most if record.citizenship else None
        elif record.birthplace:
            most = record.birthplace == self.home
        else:
            most = self.home in record.citizenship if record.citizenship else None
        return None if most is None else "majority" if most else "minority"

    def heard(
        self, names: Sequence[Mapping[str, Any]], records: Sequence[Record | None]
    ) -> dict[str, list[str]]:
        """Of one text, an entry a mention: its ``people``, and their ``parties``, ``voices`` and
        ``genders`` where they are known.

        ``names`` are as `enrich.names` groups them, ``records`` what is known of each.
        """
        if len(names) != len(records):
            raise DataError(f"Voices: {len(names)} names with {len(records)} records")
        found: dict[str, list[str]] = {"people": [], "parties": [], "voices": [], "genders": []}
        for each, record in zip(names, records, strict=True):
            if each["label"] != self.person:
                continue
            n = each["frequency"]
            found["people"] += [each["text"]] * n
            if (voice := self.voice(record)) is not None:
                found["voices"] += [voice] * n
            if record is not None:
                found["parties"] += list(record.party[:1]) * n
                found["genders"] += [record.gender] * n if record.gender else []
        return found
