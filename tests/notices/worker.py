"""A process that sends what is due once: ``python worker.py DATABASE PORT KEY TIME``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bridge.messaging import WORDING
from bridge.notices.desk import Desk
from bridge.notices.post import MailServer, PostOffice, Security
from bridge.notices.sender import NoticeSender
from bridge.store.engine import make_engine
from bridge.store.people import customer_contact
from bridge.store.seals import Seal


def main(database: str, port: str, key: str, time: str) -> None:
    desk = Desk(
        wording=WORDING, contacts=customer_contact, seal=Seal([key]), address="a@atelier.example"
    )
    office = PostOffice(MailServer("127.0.0.1", int(port), security=Security.NONE))
    moment = datetime.fromisoformat(time)
    NoticeSender(make_engine(database), office=office, desk=desk, clock=lambda: moment).sweep()


if __name__ == "__main__":
    main(*sys.argv[1:])
