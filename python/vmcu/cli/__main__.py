"""`python -m vmcu.cli`."""

from __future__ import annotations

import sys

from vmcu.cli import main

sys.exit(main())
