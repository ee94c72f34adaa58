"""`pdp`, but its clock is ahead by the seconds that stand in the file `TEST_CLOCK`.

Only for tests: they start this file in place of the command, and nothing of it is in the product.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pdp.app
from pdp.cli import main
from pdp.services import utc_now

_FILE = Path(os.environ["TEST_CLOCK"])


def moved() -> datetime:
    """The present time, moved."""
    return utc_now() + timedelta(seconds=float(_FILE.read_text()))


if __name__ == "__main__":
    pdp.app.utc_now = moved
    main()
