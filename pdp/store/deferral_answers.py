"""What polls were answered, so that one that is repeated gets the same; and challenges used.

Law: an answer is kept in the transaction of its effect, sealed, and goes with the revocation of
its handle. A transaction challenge is taken once.
"""

from datetime import datetime

from sqlalchemy import Index, delete, select, tuple_

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Key, MaybeWords, Moment, Sealed, Words


class PollAnswer(Record):
    """The answer to a key of an AS; `body_hash` is of what it came with, `ref` the handle's."""

    owner: Key
    key: Key
    ref: MaybeWords = None
    body_hash: Words
    answer_sealed: Sealed
    expires_at: Moment


class PollAnswerRow(PollAnswer, table=True):
    """Table `deferral_answers`."""

    __tablename__ = "deferral_answers"
    __table_args__ = (
        Index("ix_deferral_answers_expires_at", "expires_at"),
        Index("ix_deferral_answers_ref", "ref"),
    )


class UsedChallenge(Record):
    """A transaction challenge that was taken: its issuer and `jti`."""

    issuer: Key
    jti: Key
    expires_at: Moment


class UsedChallengeRow(UsedChallenge, table=True):
    """Table `challenges_used`."""

    __tablename__ = "challenges_used"
    __table_args__ = (Index("ix_challenges_used_expires_at", "expires_at"),)


answers = table_of(PollAnswerRow)
challenges = table_of(UsedChallengeRow)


def find(session: Session, owner: str, key: str, now: datetime) -> PollAnswer | None:
    """What an AS was answered under a key; None when nothing, or too long ago."""
    c = answers.c
    statement = select(answers).where(c.owner == owner, c.key == key, c.expires_at > now)
    return session.first(PollAnswer, statement)


def keep(session: Session, answer: PollAnswer, now: datetime) -> bool:
    """Keep an answer; False when another poll with the same key was first."""
    c = answers.c
    session.execute(
        delete(answers).where(c.owner == answer.owner, c.key == answer.key, c.expires_at <= now)
    )
    return session.add_once(answers, answer, ["owner", "key"])


def forget_of(session: Session, ref: str) -> int:
    """Forget what was answered about a handle; gives how many answers."""
    return session.execute(delete(answers).where(answers.c.ref == ref)).rowcount


def use_challenge(session: Session, challenge: UsedChallenge) -> bool:
    """Take a challenge; False when it was taken before."""
    return session.add_once(challenges, challenge, ["issuer", "jti"])


def forget_expired(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` answers and as many challenges whose time is over; gives how many."""
    c, d = answers.c, challenges.c
    old = select(c.owner, c.key).where(c.expires_at <= now).order_by(c.expires_at).limit(limit)
    gone = session.execute(delete(answers).where(tuple_(c.owner, c.key).in_(old))).rowcount
    used = select(d.issuer, d.jti).where(d.expires_at <= now).order_by(d.expires_at).limit(limit)
    gone += session.execute(delete(challenges).where(tuple_(d.issuer, d.jti).in_(used))).rowcount
    return gone
