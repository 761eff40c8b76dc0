"""What became known after a follow-up was written, as notes on the company."""

from datetime import datetime

from cs_sync import Op
from cs_sync_hubspot.batches import TRACE
from cs_sync_hubspot.keyed import KEY, on_company
from cs_sync_hubspot.text import body_html, written
from cs_sync_hubspot.transport import Json

NOTE_TO_COMPANY = 190


def note_of(op: Op) -> Json:
    """The input that creates a note; its first line names the follow-up."""
    at = op.fields["at"]
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return {
        "properties": {
            "hs_timestamp": written(moment),
            "hs_note_body": body_html(f"{op.fields['title']}\n\n{op.fields['body']}"),
            KEY: op.key,
        },
        "associations": on_company(op.account_remote_id, NOTE_TO_COMPANY),
        TRACE: op.key,
    }
