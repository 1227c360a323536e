"""Room for events to come: held from some time before they begin."""

from msgspec.structs import replace

from agents.transcode.case import Case
from agents.transcode.ladder import wrong_with
from agents.transcode.rows import Reservation
from schemas.records.transcode import (
    CancelReservation,
    CapacityReserved,
    ReservationEnded,
    ReserveCapacity,
)


def reserve(case: Case, command: ReserveCapacity) -> None:
    """Room is asked for. Asking twice with one id is asking once."""
    wrong = wrong_with(command.width, command.height, command.frame_rate)
    if command.width == 0 or command.height == 0:
        wrong = "width and height must be more than 0"
    if wrong is not None:
        case.refuse(command, "invalid-source", wrong)
        return
    if command.begins_at >= command.ends_at:
        case.refuse(command, "invalid-time", "ends_at must be after begins_at")
        return
    if command.ends_at <= case.now:
        case.refuse(command, "invalid-time", "ends_at must be in the future")
        return
    known = case.pool.rows["reservation"].get(command.reservation_id)
    if known is not None:
        _say(case, known)  # who asked again waits for an answer, too
        return
    row = Reservation(
        reservation_id=command.reservation_id,
        channel_id=command.channel_id,
        begins_at=command.begins_at,
        ends_at=command.ends_at,
        width=command.width,
        height=command.height,
        frame_rate=command.frame_rate,
    )
    case.pool.put_reservation(row.reservation_id, row)
    _say(case, row)
    if row.begins_at - case.rules.lead <= case.now:
        turn(case, row)


def cancel(case: Case, command: CancelReservation) -> None:
    """A reservation is given up."""
    row = case.pool.rows["reservation"].get(command.reservation_id)
    if row is None:
        detail = f"reservation_id must be a reservation's, {command.reservation_id} is none"
        case.refuse(command, "unknown-reservation", detail)
        return
    _end(case, row, "cancelled")


def turn(case: Case, row: Reservation) -> None:
    """A reservation's time has come, or is over."""
    if row.active:
        _end(case, row, "over")
        return
    active = replace(row, active=True, in_use=bool(case.pool.on_air(row.channel_id)))
    case.pool.put_reservation(row.reservation_id, active)
    _restand(case, row.channel_id)


def _say(case: Case, row: Reservation) -> None:
    case.said.append(
        CapacityReserved(
            reservation_id=row.reservation_id,
            pool=case.rules.pool,
            channel_id=row.channel_id,
            begins_at=row.begins_at,
            ends_at=row.ends_at,
            cost=sum(row.ladder.costs),
        )
    )


def _end(case: Case, row: Reservation, reason: str) -> None:
    case.pool.put_reservation(row.reservation_id, None)
    case.said.append(
        ReservationEnded(
            reservation_id=row.reservation_id,
            pool=case.rules.pool,
            channel_id=row.channel_id,
            reason=reason,  # type: ignore[arg-type]
        )
    )
    _restand(case, row.channel_id)


def _restand(case: Case, channel_id: str) -> None:
    for stream_id in case.pool.on_air(channel_id):
        case.restand(case.pool.streams[stream_id], "reserved")
