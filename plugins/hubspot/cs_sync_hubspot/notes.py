"""Later news of a follow-up, as notes on the company."""

from datetime import datetime

from cs_sync import Op
from cs_sync_hubspot.batches import TRACE
from cs_sync_hubspot.idempotent_objects import KEY, associate
from cs_sync_hubspot.text import format_html, format_value
from cs_sync_hubspot.transport import Json

NOTE_TO_COMPANY = 190


def build_note(op: Op) -> Json:
    """Build the input that creates a note.

    Its first line names the follow-up.
    """
    at = op.fields["at"]
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return {
        "properties": {
            "hs_timestamp": format_value(moment),
            "hs_note_body": format_html(f"{op.fields['title']}\n\n{op.fields['body']}"),
            KEY: op.key,
        },
        "associations": associate(op.account_remote_id, NOTE_TO_COMPANY),
        TRACE: op.key,
    }
