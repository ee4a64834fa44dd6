"""One machine's services and the commands behind the Makefile."""

import warnings

# the PostgreSQL wheel looks at its import for a folder that it does not use here
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
