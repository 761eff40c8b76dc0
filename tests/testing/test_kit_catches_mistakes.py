"""The kit against connectors with one well-known mistake each: the right case must fail."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from cs_sync import Http, Page, Stream, VendorError
from cs_sync.testing import SourceConformance, SyncHarness
from cs_sync_pebble.in_memory import PebbleVendor
from cs_sync_pebble.source import PebbleConfig, PebbleSource
from cs_sync_schemas import Alias


class TakesAShortPageForTheEnd(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        for page in super()._read(*facts):
            yield page
            if sum(map(len, page.records.values())) < 2:
                return


class ResumesOnePageTooFar(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        pages = list(super()._read(*facts))
        for page, following in pairwise(pages):
            yield replace(page, resume=following.resume or page.resume)
        yield pages[-1]


class GoesOnByTimeAlone(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        name, record, row, window = facts
        while True:
            page = next(super()._read(name, record, row, window))
            resume = page.resume and page.resume.split()[0] + " ~"
            yield replace(page, resume=resume)
            if resume is None:
                return
            window = replace(window, resume=resume)


class CountsPagesInsteadOfPlaces(PebbleSource):
    """What is deleted leaves the pages that were there; the one behind it is passed over."""

    def _read(self, *facts: Any) -> Iterator[Page]:
        name, record, row, window = facts
        number, more = window.resume or 0, True
        while more:
            whole = super()._read(name, record, row, replace(window, resume=None))
            pages = list(whole)[number:]
            number, more = number + 1, len(pages) > 1
            yield from (replace(page, resume=number if more else None) for page in pages[:1])


class ResumesByACountOfPages(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        name, record, row, window = facts
        whole = super()._read(name, record, row, replace(window, resume=None))
        for number, page in enumerate(whole, start=1):
            if number > (window.resume or 0):
                yield replace(page, resume=page.resume and number)


class ForgetsDeletes(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        return (replace(page, deleted={}) for page in super()._read(*facts))


class NamesDeletesOfChangesOnly(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        *_, window = facts
        for page in super()._read(*facts):
            yield replace(page, deleted={}) if window.backfill else page


class TakesAForgetfulFeedForFlags(NamesDeletesOfChangesOnly):
    def streams(self) -> Sequence[Stream]:
        month = timedelta(days=30)
        return [replace(stream, history=month, deletes="flag") for stream in super().streams()]


class ForgetsMerges(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        for page in super()._read(*facts):
            kept = {kind: rows for kind, rows in page.records.items() if kind is not Alias}
            yield replace(page, records=kept)


class ReadsTheFirstTimeOnly(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        *_, window = facts
        return super()._read(*facts) if window.backfill else iter([Page({})])


class SwallowsErrors(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        try:
            yield from super()._read(*facts)
        except VendorError:
            yield Page({})


class LogsItsKey(PebbleSource):
    def __init__(self, config: PebbleConfig, http: Http) -> None:
        super().__init__(config, http)
        logging.getLogger("pebble").debug("key %s", config.api_key.get_secret_value())


class AsksTooEarly(PebbleSource):
    def __init__(self, config: PebbleConfig, http: Http) -> None:
        super().__init__(config, http)
        self._http.get("/v1/customers")


class TakesAnythingForAnAnswer(PebbleSource):
    """Without shapes, what has no items is a page without any."""

    def __init__(self, config: PebbleConfig, http: Http) -> None:
        key = config.api_key.get_secret_value()
        client = http.at(config.base_url, headers={"Authorization": f"Bearer {key}"})
        self._http = cast(Any, _Lenient(client))


class _Lenient:
    def __init__(self, http: Http) -> None:
        self._given = http

    def get(self, path: str, params: Any = None) -> Any:
        actual = self._given.get(path, params)
        actual = actual if isinstance(actual, dict) else {}
        return {"items": actual.get("items") or (), "next": actual.get("next")}


class CollectsAllPagesFirst(PebbleSource):
    """So that the host sees no place that comes twice."""

    def _read(self, *facts: Any) -> Iterator[Page]:
        yield from list(super()._read(*facts))


class BreaksAtAnImpossibleTime(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        for page in super()._read(*facts):
            for rejection in page.rejected:
                if "OverflowError" in rejection.reason or "isoformat" in rejection.reason:
                    raise OverflowError(rejection.reason)
            yield page


class StopsAtTheFirstOddRecord(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        for page in super()._read(*facts):
            for rejection in page.rejected:
                raise ValueError(rejection.reason)
            yield page


class LeavesOddRecordsOut(PebbleSource):
    def _read(self, *facts: Any) -> Iterator[Page]:
        return (replace(page, rejected=()) for page in super()._read(*facts))


MISTAKES: Mapping[type[PebbleSource], str] = {
    TakesAShortPageForTheEnd: "test_short_pages_are_not_the_end",
    ResumesOnePageTooFar: "test_killed_after_every_page_nothing_is_lost",
    GoesOnByTimeAlone: "test_records_of_one_instant_are_all_read",
    CountsPagesInsteadOfPlaces: "test_the_last_record_of_a_page_is_deleted_before_the_next_page",
    ResumesByACountOfPages: (
        "test_the_last_record_of_a_page_is_deleted_before_a_killed_run_goes_on"
    ),
    ForgetsDeletes: "test_a_deleted_record_is_marked",
    NamesDeletesOfChangesOnly: "test_a_full_read_knows_what_was_deleted",
    TakesAForgetfulFeedForFlags: "test_what_was_deleted_in_a_gap_is_learnt",
    ForgetsMerges: "test_a_merged_record_leads_to_its_survivor",
    ReadsTheFirstTimeOnly: "test_incremental_equals_full",
    SwallowsErrors: "test_a_missing_permission_stops_its_stream_only",
    LogsItsKey: "test_no_secret_in_any_log_line_error_or_row",
    AsksTooEarly: "test_making_it_sends_no_request",
    TakesAnythingForAnAnswer: "test_json_that_is_no_answer_moves_nothing",
    CollectsAllPagesFirst: "test_a_list_that_begins_again_comes_to_an_end",
    BreaksAtAnImpossibleTime: "test_impossible_values_cost_one_record_at_most",
    StopsAtTheFirstOddRecord: "test_missing_fields_cost_one_record_at_most",
    LeavesOddRecordsOut: "test_missing_fields_cost_one_record_at_most",
}


@pytest.mark.slow("runs the kit for each mistake")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda kind: str(kind.__name__))
def test_a_mistake_fails_the_case_named_after_it(
    mistake: type[PebbleSource], tmp_path: Path
) -> None:
    vendor = type("Vendor", (PebbleVendor,), {"connector": mistake})
    bench = SyncHarness(vendor, tmp_path)
    case = getattr(SourceConformance(), MISTAKES[mistake])
    with pytest.raises(pytest.fail.Exception):
        case(bench)
    bench.close()


def test_the_kit_says_what_is_wrong(tmp_path: Path) -> None:
    vendor = type("Vendor", (PebbleVendor,), {"connector": ForgetsDeletes})
    bench = SyncHarness(vendor, tmp_path)
    with pytest.raises(pytest.fail.Exception, match="customers-002 was deleted and lives on"):
        SourceConformance().test_a_deleted_record_is_marked(bench)
    bench.close()
