"""The query parameters of every list."""

from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=200, description="How many items a page holds.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="The `next` of the page before.")]

USUAL_LIMIT = 50
