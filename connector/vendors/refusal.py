"""What a vendor refuses for good, with the property or record at fault."""

from __future__ import annotations

from connector.errors import RejectedError


class RefusedError(RejectedError):
    """The CRM refuses these values; mend the property or option that is named, then retry the parked item."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        status: int,
        property_name: str | None = None,
        existing_id: str | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.status = status
        self.property_name = property_name
        self.existing_id = existing_id
